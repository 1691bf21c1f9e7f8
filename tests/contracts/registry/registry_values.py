"""32-byte digests that stand for models, descriptions and programs."""

MODEL = bytes.fromhex("11" * 32)
OTHER_MODEL = bytes.fromhex("22" * 32)
METADATA = bytes.fromhex("33" * 32)
PROGRAM = bytes.fromhex("44" * 32)
ZERO = bytes(32)
