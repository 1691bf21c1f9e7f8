"""Models that somebody would use: quantised, run, sealed, replayed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import counterfoil
import digits
import numpy as np
import onnxruntime
import pytest
from counterfoil.errors import BadProgram, InputRefused, NotForPrograms
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.programs import Executor, faults
from counterfoil.programs.container import file_of, program_in
from counterfoil.programs.engine import Engine
from counterfoil.programs.lowering import quantise
from counterfoil.replay import Models, Replayer
from counterfoil.verify.offline import check_openings

MODELS = {"mlp": (digits.mlp, (64,)), "cnn": (digits.cnn, (1, 8, 8))}


@pytest.fixture(scope="module", params=MODELS)
def made(request: pytest.FixtureRequest) -> Any:
    """A model of digits: its float graph, its program's file, the shape of a picture."""
    make, shape = MODELS[request.param]
    images, _ = digits.learning()
    graph = make()
    done = quantise(graph, {"image": images[:200].reshape(200, *shape)})
    return graph, done, shape


def of(done: Any, picture: np.ndarray, shape: tuple[int, ...]) -> list[Tensor]:
    return [Tensor.of("image", picture.reshape(1, *shape))]


def test_quantise__digits__almost_as_right_as_the_float_model(made: Any) -> None:
    graph, done, shape = made
    images, wanted = digits.held_out()
    executor = Executor(done.program)
    found = [int(executor.run(of(done, image, shape))[1].array()[0]) for image in images]
    assert float(np.mean(np.array(found) == wanted)) >= digits.right(graph) - 0.02


def test_executor__digits__every_step_is_right(made: Any) -> None:
    _, done, shape = made
    images, _ = digits.held_out()
    trace = Executor(done.program).trace(of(done, images[0], shape))
    assert list(faults(trace)) == []


def test_engine__digits__fast_path_proves_itself_and_is_equal(made: Any) -> None:
    _, done, shape = made
    engine = Engine(done.program, ways=("onnxruntime",))
    assert engine.path == "onnxruntime"
    executor = Executor(done.program)
    for image in digits.held_out()[0][:40]:
        inputs = of(done, image, shape)
        assert engine.run(inputs) == executor.run(inputs)


def test_file__digits__runs_in_onnxruntime_alone(made: Any) -> None:
    _, done, shape = made
    session = onnxruntime.InferenceSession(
        file_of(done.program), providers=["CPUExecutionProvider"]
    )
    image = digits.held_out()[0][3]
    scores, digit = session.run(None, {"image": image.reshape(1, *shape)})
    wanted = Executor(done.program).run(of(done, image, shape))
    assert [scores.tobytes(), digit.tobytes()] == [t.data for t in wanted]


def test_session__program_file__receipt_names_the_program(made: Any, tmp_path: Path) -> None:
    _, done, shape = made
    path = tmp_path / "digits.onnx"
    path.write_bytes(file_of(done.program))
    session = counterfoil.InferenceSession(str(path))
    image = digits.held_out()[0][5].reshape(1, *shape)
    (digit,), receipt = session.run_with_receipt(["digit"], {"image": image})
    assert receipt is not None
    assert receipt.runtime == done.program.commitment
    assert receipt.receipt.runtime == done.program.commitment.digest
    assert [t.name for t in receipt.outputs] == ["scores", "digit"]
    assert receipt.outputs[1].array().tolist() == digit.tolist()
    file = ReceiptFile.parse(receipt.file().dump())
    assert check_openings(file)
    assert "exact program" in str(receipt)


def sealed(done: Any, shape: tuple[int, ...], tmp_path: Path) -> ReceiptFile:
    path = tmp_path / "digits.onnx"
    path.write_bytes(file_of(done.program))
    session = counterfoil.InferenceSession(str(path))
    session.run(None, {"image": digits.held_out()[0][7].reshape(1, *shape)})
    assert session.receipt is not None
    return session.receipt.file()


def test_replay__program_receipt__equal_bit_for_bit(made: Any, tmp_path: Path) -> None:
    _, done, shape = made
    found = Replayer(Models([tmp_path])).replay(sealed(done, shape, tmp_path))
    assert found.verdict == "equal"
    assert found.here == done.program.commitment


def test_replay__program_receipt_off_by_less_than_the_tolerance__different(
    made: Any, tmp_path: Path
) -> None:
    _, done, shape = made
    file = sealed(done, shape, tmp_path)
    assert file.opening is not None and file.opening.outputs is not None
    scores, digit = file.opening.outputs.tensors
    bent = np.nextafter(scores.array(), np.float32(np.inf))
    tensors = (Tensor.of("scores", bent), digit)
    assert file.opening.outputs.master is not None
    lie = replace(
        file,
        receipt=replace(file.receipt, outputs=commit(tensors, file.opening.outputs.master).digest),
        opening=Opening(
            inputs=file.opening.inputs,
            outputs=SetOpening(master=file.opening.outputs.master, tensors=tensors),
        ),
    )
    assert Replayer(Models([tmp_path])).replay(lie).verdict == "different"


def test_session__program_by_bound_memory__refused(made: Any, tmp_path: Path) -> None:
    _, done, _ = made
    session = counterfoil.InferenceSession(file_of(done.program))
    with pytest.raises(NotForPrograms):
        session.run_with_iobinding(session.io_binding())


def test_session__other_shape__refused(made: Any) -> None:
    _, done, _ = made
    session = counterfoil.InferenceSession(file_of(done.program))
    with pytest.raises(InputRefused):
        session.run(None, {"image": np.zeros((2, 3), dtype=np.float32)})


def test_session__file_whose_graph_lies__runs_the_program(made: Any) -> None:
    """The graph in the file is for others: here the rows alone count."""
    import onnx

    _, done, shape = made
    model = onnx.ModelProto()
    model.ParseFromString(file_of(done.program))
    for constant in model.graph.initializer:
        if constant.data_type == onnx.TensorProto.UINT8 and len(constant.raw_data) == 256:
            constant.raw_data = constant.raw_data[::-1]
        if constant.data_type == onnx.TensorProto.FLOAT and len(constant.raw_data) == 1024:
            constant.raw_data = bytes(1024)
    image = digits.held_out()[0][9]
    feed = {"image": image.reshape(1, *shape)}
    lying = model.SerializeToString()
    plain = onnxruntime.InferenceSession(lying, providers=["CPUExecutionProvider"])
    wanted = Executor(done.program).run(of(done, image, shape))
    assert plain.run(["scores"], feed)[0].tobytes() != wanted[0].data
    session = counterfoil.InferenceSession(lying)
    assert session.run(["scores"], feed)[0].tobytes() == wanted[0].data


def test_engine__onnxruntime_that_is_wrong__steps_aside(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel whose weights stop one short of their ends, as if they had too few bits."""
    from counterfoil.programs import engine as engines
    from counterfoil.programs.twin import twin_of

    _, done, shape = made

    def saturating(program: Any) -> Any:
        model = twin_of(program)
        weights = {n.input[3] for n in model.graph.node if n.op_type == "QLinearConv"}
        for constant in model.graph.initializer:
            if constant.name in weights:
                values = np.frombuffer(constant.raw_data, np.uint8)
                constant.raw_data = np.clip(values, 2, 254).tobytes()
        return model

    monkeypatch.setattr(engines, "twin_of", saturating)
    engine = Engine(done.program, ways=("onnxruntime",))
    assert "gives" in engine.refused["onnxruntime"] and engine.path == "executor"
    inputs = of(done, digits.held_out()[0][0], shape)
    assert engine.run(inputs) == Executor(done.program).run(inputs)


def test_program_in__ordinary_model__none() -> None:
    assert program_in(digits.mlp()) is None


def test_session__broken_program__refused_before_the_first_receipt(made: Any) -> None:
    import onnx

    _, done, _ = made
    model = onnx.ModelProto()
    model.ParseFromString(file_of(done.program))
    model.metadata_props[0].value = model.metadata_props[0].value[:-8]
    with pytest.raises(BadProgram):
        counterfoil.InferenceSession(model.SerializeToString())


def test_served__program_file__receipt_names_the_program(made: Any, tmp_path: Path) -> None:
    from counterfoil.config import load_profile
    from counterfoil.hashing.types import ZERO
    from counterfoil.inference.served import Batching, Sealing, Served, Stop

    _, done, shape = made
    path = tmp_path / "digits.onnx"
    path.write_bytes(file_of(done.program))
    served = Served(
        path, sealing=Sealing(profile=load_profile(None)), batching=Batching(rows=8, wait=0.01)
    )
    inputs = of(done, digits.held_out()[0][2], shape)
    answer = served.run(inputs, ["digit"], ZERO, Stop())
    wanted = Executor(done.program).run(inputs)
    assert answer.outputs == wanted[1:]
    assert answer.receipt is not None
    assert answer.receipt.runtime == done.program.commitment
    assert answer.receipt.outputs == wanted


def test_engine__onnxruntime_that_fails__steps_aside(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from counterfoil.inference.plain import Plain

    _, done, shape = made

    def fails(*_: Any) -> Any:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(Plain, "run", fails)
    engine = Engine(done.program, ways=("onnxruntime",))
    assert "no such kernel" in engine.refused["onnxruntime"] and engine.path == "executor"
    inputs = of(done, digits.held_out()[0][0], shape)
    assert engine.run(inputs) == Executor(done.program).run(inputs)
