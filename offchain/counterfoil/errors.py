"""Every way to fail, under one root.

A message is one line and says what to do. A class is one condition: whoever
catches it knows what happened without reading the message.
"""

from __future__ import annotations

from collections.abc import Mapping


class CounterfoilError(Exception):
    """Root of all errors that this package raises on purpose."""

    exit_code = 1
    """What a command exits with when this error ends it."""


# Formats: bytes that came from outside (docs/format.md).


class FormatError(CounterfoilError):
    """Bytes that are not what the format says."""

    exit_code = 65


class MalformedFile(FormatError):
    """A receipt or batch file that does not parse, or breaks a rule of its layout."""


class FileTooLarge(FormatError):
    """A file past the format's limit."""


class LinkTooLong(FormatError):
    """A receipt file that fits no link."""


class EmptyTree(FormatError):
    """A tree needs at least one leaf."""


class BadPath(FormatError):
    """A path that is too long or too short for its index and size, or an index past the size."""


class BadSignature(FormatError):
    """A signature that is not 65 bytes r ‖ s ‖ v with v 27 or 28 and s in the lower half."""


class BadTensor(FormatError):
    """A value that has no tensor bytes under docs/format.md §2."""


class BigEndianTensor(BadTensor):
    """A big-endian array: onnxruntime would silently read it as little-endian."""


class BadModel(FormatError):
    """A model file that cannot be read as ONNX."""


class UnsafeModelPath(BadModel):
    """External data outside the model's folder, or one location twice."""


class BadOptions(FormatError):
    """Options of a runtime that RFC 8785 JSON cannot hold."""


class BadOpening(FormatError):
    """An opening that does not lead to the commitment it claims to open."""


# Deployments: where the contracts are.


class BadDeploymentRecord(FormatError):
    """A file of recorded deployments that is not one."""


# Commands.


class BadInputFile(CounterfoilError):
    """A file given to `counterfoil run` that fits no input of the model."""

    exit_code = 65


class CannotWrite(CounterfoilError):
    """A file or folder named for a result cannot be written."""

    exit_code = 73


class FolderTaken(CannotWrite):
    """The folder named for a demo holds something that no demo made."""


class SystemRefused(CounterfoilError):
    """The system refuses a file or folder that a command needs."""

    exit_code = 74


class Bug(CounterfoilError):
    """A command failed in a way that nobody foresaw."""

    exit_code = 70


class AnvilMissing(CounterfoilError):
    """`counterfoil up` needs anvil, on PATH or in node_modules/.bin."""

    exit_code = 69


class NodeFailed(CounterfoilError):
    """The local node did not start, or stopped by itself."""

    exit_code = 69


class PortTaken(NodeFailed):
    """Something else listens where the local node should."""


class NodeRuns(NodeFailed):
    """Another `counterfoil up` already runs the local node."""


# Chain: an RPC, what it answers, what contracts refuse.


class ChainError(CounterfoilError):
    """Something between this program and a contract."""

    exit_code = 69


class ChainUnavailable(ChainError):
    """The RPC gave no usable answer now; the same request may succeed later."""

    exit_code = 75


class ChainUnreachable(ChainUnavailable):
    """No connection to the RPC, or it broke."""


class ChainTimeout(ChainUnavailable):
    """The RPC did not answer in time."""


class ChainBusy(ChainUnavailable):
    """The RPC answers that it is asked too much."""


class BadAnswer(ChainUnavailable):
    """The RPC answered with what is no answer, or contradicts itself."""


class RangeTooWide(BadAnswer):
    """The RPC gives no events over so many blocks at once."""


class AccessDenied(ChainError):
    """The RPC wants another key."""

    exit_code = 77


class BadRpcAddress(ChainError):
    """An RPC address that is no http or https URL."""

    exit_code = 78


class WrongChain(ChainError):
    """The RPC serves another chain than the one that is asked about."""


class NoContract(ChainError):
    """There is no contract, or not this one, at an address."""


class NoDemoChain(ChainError):
    """The embedded chain needs the extra `[demo]`."""


class NoArtefact(ChainError):
    """The package ships no contract of that name."""


class Refused(ChainError):
    """A contract refused a call; `reason` is its own."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the contract refuses: {reason or 'it gives no reason'}")


class OutOfFunds(ChainError):
    """The payer's account does not cover a transaction."""


class TooDear(ChainError):
    """Gas costs more than whoever sends allows; `most` is wei a gas."""

    exit_code = 75

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(f"gas costs up to {most / 1e9:.3f} gwei, over your limit")


class NonceTaken(ChainError):
    """Another transaction of the payer already has the nonce."""

    exit_code = 75


class Underpriced(ChainError):
    """The node wants a higher fee for this transaction."""

    exit_code = 75


class TransactionFailed(ChainError):
    """A transaction is in a block and was refused there."""


class TransactionLost(ChainError):
    """A transaction that no block has taken in time."""

    exit_code = 75


class DeploymentFailed(ChainError):
    """A contract is not where its deployment should have put it."""


# Settling.


class SettlingError(CounterfoilError):
    """What the operator must act on before settling goes on."""

    exit_code = 70


class ForeignBatch(SettlingError):
    """The log holds a batch at our number that this journal did not cut."""


class BatchRefused(SettlingError):
    """The ledger will never take the batch as it is."""


class BatchUnseen(SettlingError):
    """The ledger is past a batch, and the RPC shows no event of it."""


class OperatorNeeded(SettlingError):
    """After a revoke only the operator's own account can post."""

    exit_code = 77


class PayerNeeded(SettlingError):
    """No account is configured that pays gas."""

    exit_code = 78


# Verifying: each step of docs/format.md §11 by its own class.


class VerificationError(CounterfoilError):
    """A receipt that is not what it claims to be."""

    exit_code = 1


class WrongSigner(VerificationError):
    """The signature is by another key, or over other fields."""


class SignedForAnotherChain(WrongSigner):
    """The signer signed these fields for another chain's ledger."""


class SignedForAnotherLedger(WrongSigner):
    """The signer signed these fields for another ledger."""


class WrongSequence(WrongSigner):
    """The signer signed these fields under another number."""


class InputsMismatch(VerificationError):
    """The opened inputs are not those that the receipt commits to."""


class OutputsMismatch(VerificationError):
    """The opened outputs are not those that the receipt commits to."""


class ModelMismatch(VerificationError):
    """The named model files are not those that the receipt commits to."""


class RuntimeMismatch(VerificationError):
    """The named runtime is not the one that the receipt commits to."""


class UnexpectedInputs(VerificationError):
    """The receipt is about other inputs than those that were sent."""


class OpeningMissing(VerificationError):
    """What is asked needs an opening that the file does not hold."""


class BadInclusion(VerificationError):
    """A path that fits no place of the batch that it names."""


class UnknownLedger(VerificationError):
    """The ledger is not on the verifier's own list."""


class NotAnchored(VerificationError):
    """The ledger was not asked, so nothing is known of the receipt's settlement."""


class NotSettled(VerificationError):
    """No batch of the log holds the receipt's number."""


class InclusionMissing(VerificationError):
    """The receipt's number is settled, but the file has no path to show."""


class LogNeverOpened(VerificationError):
    """The signer has no log on the ledger."""


class NotInBatch(VerificationError):
    """The path leads to another root than the batch's."""


class IssuedAfterPosting(VerificationError):
    """The receipt says that it was issued after its batch was posted."""


class PromiseTooLong(VerificationError):
    """The receipt promises more than its log's `maxDelay` allows."""


class ModelNotPublished(VerificationError):
    """No named publisher had published the model when the batch was posted."""


class ModelDeprecated(VerificationError):
    """The publisher had withdrawn the model when the batch was posted."""


# Configuration and keys.


class BadConfig(CounterfoilError):
    """The configuration does not parse, or a field's value is none that it takes."""

    exit_code = 78


class UnknownProfile(BadConfig):
    """No profile has this name."""


class KeyFailure(CounterfoilError):
    """A key that cannot be used. No message ever holds a key or a passphrase."""

    exit_code = 77


class KeyFileOpen(KeyFailure):
    """A key or passphrase file that others than its owner may read."""


class KeyFileMissing(KeyFailure):
    """The key that the journal or the profile names is not there."""


class BadKeyFile(KeyFailure):
    """A file that is no keystore, or a variable that holds no key."""


class WrongPassphrase(KeyFailure):
    """No passphrase at hand opens the keystore."""


class NoPassphrase(KeyFailure):
    """There is no passphrase: none in the environment, the keyring or a file."""


class BadSecret(KeyFailure):
    """The secret in the environment is missing or too short."""


class WrongKey(KeyFailure):
    """The key is another than the one that the journal began with."""


# Journal: the durable log.


class JournalError(CounterfoilError):
    """The journal cannot do what it was asked."""

    exit_code = 74


class JournalMissing(JournalError):
    """There is no journal yet, and none was to be made."""


class JournalTooNew(JournalError):
    """The journal was written by a newer version of this program."""


class NotAJournal(JournalError):
    """The file is no database, is damaged, or is another program's database."""


class StillSummonable(JournalError):
    """What a fault court may still ask for was to be forgotten."""

    exit_code = 75


class JournalLocked(JournalError):
    """Somebody else has held the journal for longer than the bound on waiting."""

    exit_code = 75


class JournalReadOnly(JournalError):
    """The journal's file or folder cannot be written."""


class JournalFull(JournalError):
    """The disk is full; no receipt of the failed call has left."""


class JournalFailed(JournalError):
    """The disk or the database failed; no receipt of the failed call has left."""


class JournalUnreachable(JournalError):
    """The database's server does not answer, or the connection broke; nothing was sealed."""

    exit_code = 75


class JournalInDoubt(JournalError):
    """The connection broke at the commit: the receipts are sealed and not handed out, or not."""

    exit_code = 75


class JournalNotDurable(JournalError):
    """The database's server is set up so that a crash may take receipts away."""


class JournalReplaced(JournalError):
    """The journal's file was deleted or replaced while in use."""


class JournalClosed(JournalError):
    """The journal object was closed."""


class SealingRefused(JournalError):
    """The journal may settle but not seal: it might sign a number twice, or break its word."""


class JournalCopied(SealingRefused):
    """The journal is a copy: the original may go on sealing under the same key."""


class RestoredBackup(SealingRefused):
    """The journal holds less than was sealed: it was restored from a backup."""


class UncleanBoot(SealingRefused):
    """The machine went down while the journal was not durable: its tail may be lost."""


class JournalRetired(SealingRefused):
    """The log was rotated: another journal seals now."""


class KeyLeased(SealingRefused):
    """Another journal, or another machine, is in use with the same key."""


class KeyElsewhere(SealingRefused):
    """The log's key is on another machine: this one settles and verifies."""


class PromiseInDanger(SealingRefused):
    """The earliest promise is nearly due and not kept: no more are made until it is."""


class OtherGenesis(JournalError):
    """The chain is another than the one that the journal belongs to."""


class ClockWrong(JournalError):
    """The machine's clock is absurd, behind the chain's, or behind the last receipt."""


class NoSuchReceipt(JournalError):
    """The journal has no receipt of this number or digest."""


class NoSuchBatch(JournalError):
    """The journal has no such batch, or the batch is in another state."""


class BadDraft(JournalError):
    """What was handed over to be sealed has a field of the wrong length or kind."""


class BackupExists(JournalError):
    """The folder named for a backup holds something already."""


# Inference: sessions and their runs.


class InferenceError(CounterfoilError):
    """A session or a run that gets no receipt."""


class UnrecordableOptions(InferenceError):
    """Options that change weights or kernels and that no receipt could name."""

    exit_code = 65


class Uncommitted(InferenceError):
    """A run whose tensors cannot be committed to, such as those in a device's memory."""

    exit_code = 65


class SealFailed(InferenceError):
    """The run is done but has no receipt; the cause is `__cause__`.

    Attributes:
        outputs: what the run gave.
    """

    def __init__(self, message: str, *, outputs: object = None, exit_code: int = 1) -> None:
        super().__init__(message)
        self.outputs = outputs
        self.exit_code = exit_code


class ModelChanged(InferenceError):
    """A model's files are no longer those that the session was made from."""


class ModelUnknown(InferenceError):
    """A session whose model's bytes nobody can tell any more, so no receipt may name them."""

    exit_code = 65


class ModelRefused(InferenceError):
    """onnxruntime does not load the model."""

    exit_code = 65


class InputRefused(InferenceError):
    """onnxruntime does not take the inputs: a wrong name, type or shape."""

    exit_code = 65


class Unsealed(InferenceError):
    """Runs went through without a receipt, as the program asked for."""

    exit_code = 3


class DemoMissing(CounterfoilError):
    """The demo needs the extra `[demo]`."""

    exit_code = 69


class DemoFailed(CounterfoilError):
    """A step of the demo did not go as it must: this is a bug."""

    exit_code = 70


# Publishing and watching: batch files, and what a watchtower does with them.


class PublishError(CounterfoilError):
    """A batch file that cannot be published or fetched."""

    exit_code = 74


class PublishedOtherwise(PublishError):
    """The folder already has another content under a batch's name; it is never rewritten."""


class BadBatchAddress(PublishError):
    """A batch's `uri` that is none to be fetched: another scheme, or no host."""

    exit_code = 65


class ForbiddenAddress(PublishError):
    """A batch's `uri` leads to an address that is not public."""

    exit_code = 77


class FetchFailed(PublishError):
    """The host of a batch file does not give it out."""

    exit_code = 75


class FetchTooLarge(PublishError):
    """The host of a batch file sends more than the batch can need."""

    exit_code = 65


class FetchTooSlow(FetchFailed):
    """The host of a batch file takes too long."""


class OtherBatch(PublishError):
    """A batch file of another batch than the ledger's."""

    exit_code = 65


class WatchBusy(CounterfoilError):
    """Another process watches with the same state."""

    exit_code = 75


class WatchState(CounterfoilError):
    """The watchtower's own database cannot be read or written."""

    exit_code = 74


class NotProvable(CounterfoilError):
    """The files show no offence that the court takes now."""

    exit_code = 65


class NoCourt(CounterfoilError):
    """The profile names no court."""

    exit_code = 78


# The server.


class ServerMissing(CounterfoilError):
    """`counterfoil serve` needs the extra `[server]`."""

    exit_code = 69


class BadRepository(CounterfoilError):
    """A folder of models that is not laid out as the server needs it."""

    exit_code = 65


class AddressTaken(CounterfoilError):
    """The server cannot listen at the address that it was given."""

    exit_code = 69


class TokenNeeded(CounterfoilError):
    """On an address that others reach the server wants a token."""

    exit_code = 78


class BadToken(CounterfoilError):
    """A token that is missing, too short, or no text of a header."""

    exit_code = 77


class RequestRefused(CounterfoilError):
    """A request that the server answers with an error.

    Attributes:
        status: of HTTP.
        headers: of the answer, besides the usual ones.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


# Mapping: a data set through a model.


class MapError(CounterfoilError):
    """A data set that cannot be run through a model."""

    exit_code = 65


class MapMissing(MapError):
    """`counterfoil map` needs the extra `[map]`, or `[ray]`."""

    exit_code = 69


class BadDataSet(MapError):
    """A data set that cannot be read, or is of no kind that is supported."""


class BadColumns(MapError):
    """The data's columns and the model's inputs do not go together."""


class BadRow(MapError):
    """One row's value fits its input neither in type nor in shape."""


class JobChanged(MapError):
    """The folder holds a job on another model, other data, or with other options."""


class BadJob(MapError):
    """The folder holds something that is no job, or a job that was damaged."""


class JobBusy(MapError):
    """Another process works on the same job."""

    exit_code = 75


class WorkerDied(MapError):
    """A worker process died again and again on the same rows."""

    exit_code = 71


# Replay.


class ModelNotFound(CounterfoilError):
    """A receipt's model is nowhere on this machine, nor where the registry says."""

    exit_code = 66


class NotReplayable(CounterfoilError):
    """A receipt whose run cannot be done again here."""

    exit_code = 65


class NoExactProgram(NotReplayable):
    """A receipt of no exact program: no court can judge its run."""


# Exact programs (docs/programs.md).


class BadProgram(FormatError):
    """Rows that are no program of this version, or a file that holds none."""


class BadTrace(FormatError):
    """Rows that no run of the program can have: a wrong number, length or index."""


class NotLowerable(CounterfoilError):
    """A model with operators that no exact program of this version has.

    Attributes:
        operators: each with its node's name and the reason.
    """

    exit_code = 65

    def __init__(self, message: str, *, operators: tuple[tuple[str, str, str], ...] = ()) -> None:
        super().__init__(message)
        self.operators = operators


class BadCalibration(CounterfoilError):
    """Data to calibrate with that do not fit the model."""

    exit_code = 65


class NoTwin(CounterfoilError):
    """A program with an operator that onnxruntime cannot run exactly."""


class NotForPrograms(InferenceError):
    """A way to run that an exact program does not have."""
