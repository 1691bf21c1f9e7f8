# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title ModelRegistry
@license Apache-2.0
@notice A publisher's models by content digest: what they are called, where they are, which
        exact program they are, when they were published and when withdrawn.
@dev Keyed by publisher and digest, so nobody can take another's place; who is to be
     believed is the reader's choice. No owner, no admin, nothing is ever removed.
"""

from .interfaces import IModelRegistry

implements: IModelRegistry

MAX_NAME: constant(uint256) = 64
# bytes; IModelRegistry.ModelRecord.name

MAX_VERSION: constant(uint256) = 32
# bytes; IModelRegistry.ModelRecord.version

MAX_URI: constant(uint256) = 256
# bytes; IModelRegistry.ModelRecord.uri

MAX_ABI: constant(uint256) = 1024
# bytes; the bound of strings on the way in, wide enough to refuse with a reason


_records: HashMap[address, HashMap[bytes32, IModelRegistry.ModelRecord]]
_newest: HashMap[
    address, HashMap[bytes32, bytes32]
]  # publisher, keccak(name): model


@external
def publish(
    model: bytes32,
    name: String[MAX_ABI],
    version: String[MAX_ABI],
    uri: String[MAX_ABI],
    metadata: bytes32,
    program: bytes32,
):
    """
    @notice Publish a model under the caller's address, and make it the newest of its name.
    @param model 32-byte content digest, not zero
    @param name what the model is called, 1 to 64 bytes
    @param version the publisher's version, 0 to 32 bytes
    @param uri where the files are, 0 to 256 bytes
    @param metadata 32-byte digest of whatever describes the model, or zero
    @param program 32-byte hashStruct(Program) of the exact program, or zero for none yet
    """
    assert model != empty(bytes32), "registry: model zero"
    assert len(name) != 0, "registry: name empty"
    assert len(name) <= MAX_NAME, "registry: name too long"
    assert len(version) <= MAX_VERSION, "registry: version too long"
    assert len(uri) <= MAX_URI, "registry: uri too long"
    assert (
        self._records[msg.sender][model].publishedAt == 0
    ), "registry: already published"

    entry: IModelRegistry.ModelRecord = IModelRegistry.ModelRecord(
        name=convert(name, String[MAX_NAME]),
        version=convert(version, String[MAX_VERSION]),
        uri=convert(uri, String[MAX_URI]),
        metadata=metadata,
        program=program,
        publishedAt=convert(block.timestamp, uint64),
        deprecatedAt=0,
    )
    self._records[msg.sender][model] = entry
    self._newest[msg.sender][keccak256(name)] = model
    log IModelRegistry.ModelPublished(
        publisher=msg.sender,
        model=model,
        name=entry.name,
        version=entry.version,
        uri=entry.uri,
        metadata=metadata,
        program=program,
        publishedAt=entry.publishedAt,
    )


@external
def deprecate(model: bytes32):
    """
    @notice Withdraw one of the caller's models from now on. There is no way back; what was
            true before stays true of its time.
    @param model 32-byte content digest
    """
    assert (
        self._records[msg.sender][model].publishedAt != 0
    ), "registry: not published"
    assert (
        self._records[msg.sender][model].deprecatedAt == 0
    ), "registry: already deprecated"
    now: uint64 = convert(block.timestamp, uint64)
    self._records[msg.sender][model].deprecatedAt = now
    log IModelRegistry.ModelDeprecated(
        publisher=msg.sender, model=model, deprecatedAt=now
    )


@external
def name_program(model: bytes32, program: bytes32):
    """
    @notice Name the exact program of one of the caller's models, once and for all.
    @param model 32-byte content digest
    @param program 32-byte hashStruct(Program), not zero
    """
    assert (
        self._records[msg.sender][model].publishedAt != 0
    ), "registry: not published"
    assert program != empty(bytes32), "registry: program zero"
    assert (
        self._records[msg.sender][model].program == empty(bytes32)
    ), "registry: program already named"
    self._records[msg.sender][model].program = program
    log IModelRegistry.ProgramNamed(
        publisher=msg.sender, model=model, program=program
    )


@external
@view
def record(publisher: address, model: bytes32) -> IModelRegistry.ModelRecord:
    """
    @notice A publisher's record of a model; all zero if there is none.
    @param publisher the account that published
    @param model 32-byte content digest
    @return the record
    """
    return self._records[publisher][model]


@external
@view
def active_at(publisher: address, model: bytes32, time: uint64) -> bool:
    """
    @notice Whether the model was published and not deprecated at a time. Of a past time
            the answer never changes.
    @param publisher the account that published
    @param model 32-byte content digest
    @param time Unix seconds
    @return publishedAt ≤ time, and time < deprecatedAt where the model is deprecated
    """
    publishedAt: uint64 = self._records[publisher][model].publishedAt
    deprecatedAt: uint64 = self._records[publisher][model].deprecatedAt
    return (
        publishedAt != 0
        and publishedAt <= time
        and (deprecatedAt == 0 or time < deprecatedAt)
    )


@external
@view
def newest(publisher: address, name: String[MAX_ABI]) -> bytes32:
    """
    @notice The model that a publisher published last under a name. A deprecation does not
            change it: the record says so.
    @param publisher the account that published
    @param name what the model is called
    @return 32-byte content digest, or zero if there is none
    """
    return self._newest[publisher][keccak256(name)]
