"""The queue: whatever happens on the way, each study is computed and delivered once."""

import json
import shutil
import time
from dataclasses import dataclass, field, replace

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from procguide.dicom.network import jobs
from procguide.dicom.network.instances import handle, read_instance
from procguide.dicom.network.jobs import Answer, Job, Queue, State, images_of, only_one
from procguide.dicom.network.outgoing import Outcome, Sent
from procguide.dicom.network.rules import Rules
from procguide.dicom.network.store import Store
from procguide.dicom.network.worker import Computed, Worker
from procguide.errors import CannotWriteError

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


class KilledError(BaseException):
    """What a kill looks like from within: nothing after it runs."""


@dataclass
class Bench:
    """A worker whose computation and peer are ours, and which can be killed and started again."""

    folder: object
    maker: object
    rules: Rules
    computed: list = field(default_factory=list)
    taken: list = field(default_factory=list)
    said: list = field(default_factory=list)
    ends: object = None
    unreached: bool = False
    refuses: bool = False
    kill_at: str = ""
    now: float = field(default_factory=lambda: time.time() + 1000)

    def __post_init__(self):
        self.start()

    def start(self):
        """A new process with the same folder."""
        self.store, self.queue = Store(self.folder / "studies"), Queue(self.folder / "jobs")
        self.worker = Worker(self.store, self.queue, self.rules, self.compute, self.deliver, self.said.append)

    def arrive(self, files):
        for file in files:
            shutil.copy(file, self.folder / "part")
            self.store.keep(read_instance(self.folder / "part"), "ct1")

    def compute(self, task, study, output, lock):
        assert lock > 2
        self.killed("before computing")
        self.computed.append((task.rule.name, len(list(study.iterdir()))))
        if self.ends is not None:
            return self.ends
        partial = output.with_name(".out.1.partial")
        partial.mkdir()
        self.killed("while computing")
        for number in range(2):
            dataset = dcmread(self.maker(1, folder=f"results{number}")[0])
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SEGMENTATION
            dataset.save_as(partial / f"{number}.dcm")
        (partial / "plan.json").write_text("{}")
        listed = ["0.dcm", "1.dcm", "plan.json", "run.json"]
        (partial / "run.json").write_text(json.dumps({"outputs": listed}))
        partial.rename(output)
        self.killed("after computing")
        return Computed(0)

    def deliver(self, peer, objects, told):
        if self.unreached:
            raise CannotWriteError("nobody there")
        for one in objects:
            self.killed("before sending")
            if not self.refuses:
                self.taken.append((peer, one.sop_instance))
            self.killed("before it is noted")
            told(Sent(one, Outcome.REFUSED if self.refuses else Outcome.STORED, 0))
            self.killed("after it is noted")

    def killed(self, moment):
        if self.kill_at == moment:
            self.kill_at = ""
            raise KilledError

    def work(self, steps=6):
        for _ in range(steps):
            self.worker.step(self.now)
            self.now += 1000

    @property
    def job(self):
        jobs = list(self.queue.all())
        assert len(jobs) == 1
        return jobs[0]


@pytest.fixture
def bench(tmp_path, study):
    rules = Rules.model_validate(
        {
            "quiet_s": 30,
            "rules": [
                {"name": "esi", "do": "segment", "when": {"modality": ["CT"]}, "send_to": ["pacs", "sender"]}
            ],
        }
    )
    return Bench(tmp_path, study, rules)


class TestOnce:
    def test_a_study_is_computed_and_delivered(self, bench, study):
        bench.arrive(study(4))
        bench.work()
        assert bench.computed == [("esi", 4)]
        assert sorted(peer for peer, _ in bench.taken) == ["ct1", "ct1", "pacs", "pacs"]
        assert bench.job.state is State.DONE
        assert "to pacs: 2 taken, 0 refused" in bench.job.words
        assert bench.worker.idle

    def test_not_before_nothing_has_come_for_a_while(self, bench, study):
        bench.arrive(study(1))
        bench.worker.step(time.time() + 5)
        assert (bench.computed, bench.worker.idle) == ([], False)
        bench.worker.step(time.time() + 31)
        assert bench.computed == [("esi", 1)]

    @pytest.mark.parametrize(
        "moment",
        [
            "before computing",
            "while computing",
            "after computing",
            "before sending",
            "before it is noted",
            "after it is noted",
        ],
    )
    def test_a_kill_at_any_moment_loses_and_doubles_nothing(self, bench, study, moment):
        bench.arrive(study(3))
        bench.kill_at = moment
        with pytest.raises(KilledError):
            bench.work()
        bench.start()
        bench.work()
        assert bench.job.state is State.DONE
        results = {read_instance(file).sop_instance for file in bench.queue.out(bench.job).glob("*.dcm")}
        assert len(results) == 2
        assert set(bench.taken) == {(peer, uid) for peer in ("pacs", "ct1") for uid in results}
        again = len(bench.taken) - 4  # the same object, which its receiver keeps once
        assert again == (1 if moment == "before it is noted" else 0)
        completed = [entry for entry in bench.computed if entry]
        assert len(completed) == (2 if moment == "while computing" else 1)
        assert not list(bench.queue.folder(bench.job).glob(".out.*"))

    def test_what_comes_again_is_not_done_again(self, bench, study):
        files = study(3)
        bench.arrive(files)
        bench.work()
        bench.start()
        bench.arrive(files)
        bench.work()
        assert len(bench.computed) == 1
        assert len(bench.taken) == 4

    def test_our_own_results_sent_back_to_us_are_no_reason_to_compute(self, bench, study):
        bench.arrive(study(3))
        bench.work()
        bench.arrive(list(bench.queue.out(bench.job).glob("*.dcm")))
        bench.start()
        bench.work()
        assert len(bench.computed) == 1

    def test_more_images_are_another_job(self, bench, study):
        bench.arrive(study(3))
        bench.work()
        bench.arrive(study(2, folder="later"))
        bench.work()
        assert bench.computed == [("esi", 3), ("esi", 5)]

    def test_images_that_come_before_it_is_computed_count(self, bench, study):
        bench.arrive(study(3))
        bench.kill_at = "before computing"
        with pytest.raises(KilledError):
            bench.work()
        bench.arrive(study(1, folder="later"))
        bench.start()
        bench.work()
        assert bench.computed == [("esi", 4)]
        assert sorted(job.state for job in bench.queue.all()) == [State.DONE, State.OUTDATED]

    def test_a_computation_of_an_earlier_run_that_still_goes_on_is_waited_for(self, bench, study):
        bench.arrive(study(1))
        bench.ends = Computed(1)
        bench.worker.step(bench.now)
        with bench.queue.alone(bench.job) as lock:
            bench.work(2)
            assert lock is not None
            assert len(bench.computed) == 1
        bench.ends = None
        bench.work()
        assert bench.job.state is State.DONE

    @pytest.mark.parametrize("lost", ["content", "file", "record"])
    def test_results_that_a_loss_of_power_left_in_part_are_computed_anew(self, bench, study, lost):
        bench.arrive(study(2))
        bench.kill_at = "after computing"
        with pytest.raises(KilledError):
            bench.work()
        out = bench.queue.out(bench.job)
        if lost == "content":
            (out / "1.dcm").write_bytes(b"")
        else:
            (out / ("1.dcm" if lost == "file" else "run.json")).unlink()
        bench.start()
        bench.work()
        assert len(bench.computed) == 2
        assert bench.job.state is State.DONE
        assert len(set(bench.taken)) == 4


class TestEnds:
    def test_no_rule_fits(self, bench, study):
        bench.arrive(study(2, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"))
        bench.work()
        assert (bench.job.state, bench.computed) == (State.UNMATCHED, [])

    def test_a_new_rule_file_is_tried_on_what_matched_none(self, bench, study):
        bench.arrive(study(2))
        fitting, bench.rules = bench.rules, Rules()
        bench.start()
        bench.work()
        assert bench.job.state is State.UNMATCHED
        bench.rules = fitting
        bench.start()
        bench.work()
        assert bench.job.state is State.DONE

    def test_unfit_images_are_not_tried_again(self, bench, study):
        bench.arrive(study(2))
        bench.ends = Computed(5, "no vertebra is wholly in view")
        bench.work()
        assert (bench.job.state, bench.job.words, len(bench.computed)) == (
            State.FAILED,
            "no vertebra is wholly in view",
            1,
        )

    def test_a_fault_is_tried_three_times(self, bench, study):
        bench.arrive(study(2))
        bench.ends = Computed(1, "unexpected fault")
        bench.work()
        assert (bench.job.state, len(bench.computed)) == (State.FAILED, 3)

    def test_a_study_that_takes_the_process_down_each_time_is_given_up(self, bench, study):
        bench.arrive(study(2))
        bench.worker._notice(next(iter(bench.store.studies())))
        job = bench.queue.save(bench.job.__class__(**{**vars(bench.job), "attempts": 3}))
        bench.work()
        assert (bench.queue.get(job.identity).state, bench.computed) == (State.FAILED, [])

    def test_no_images_no_job(self, bench, study):
        file = study(1)[0]
        dataset = dcmread(file)
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SEGMENTATION
        dataset.save_as(file)
        bench.arrive([file])
        bench.work()
        assert list(bench.queue.all()) == []
        assert bench.worker.idle


class TestDelivery:
    def test_who_cannot_be_reached_is_tried_again_later_and_later(self, bench, study):
        bench.arrive(study(1))
        bench.unreached = True
        bench.work(3)
        first = bench.job.next_try
        assert (bench.job.state, bench.taken) == (State.COMPUTED, [])
        bench.worker.step(first - 1)
        assert bench.job.next_try == first
        bench.unreached = False
        bench.start()
        bench.work()
        assert (bench.job.state, len(bench.taken), len(bench.computed)) == (State.DONE, 4, 1)

    def test_what_is_refused_is_not_sent_again(self, bench, study):
        bench.arrive(study(1))
        bench.refuses = True
        bench.work()
        assert "to pacs: 0 taken, 2 refused" in bench.job.words

    def test_a_line_cut_short_does_not_count(self, bench, study):
        bench.arrive(study(1))
        bench.unreached = True
        bench.work(2)
        whole, cut = handle("1.2"), handle("1.3")
        place = bench.queue.folder(bench.job) / "delivered.pacs"
        place.write_text(f"\n{whole} taken\n\n{cut} tak")
        assert bench.queue.answers(bench.job, "pacs") == {whole: Answer.TAKEN}
        bench.queue.note_answer(bench.job, "pacs", "1.3", Answer.REFUSED)
        assert bench.queue.answers(bench.job, "pacs") == {whole: Answer.TAKEN, cut: Answer.REFUSED}


class TestKeeping:
    def test_images_and_results_go_after_their_days_and_are_not_done_again(self, bench, study):
        bench.rules = bench.rules.model_copy(update={"keep_days": 1.0})
        bench.start()
        files = study(2)
        bench.arrive(files)
        bench.work(3)
        assert bench.job.state is State.DONE
        assert bench.queue.out(bench.job).is_dir()
        bench.worker.step(time.time() + 90_000)
        assert list(bench.store.studies()) == []
        assert not bench.queue.out(bench.job).exists()
        bench.arrive(files)
        bench.work()
        assert len(bench.computed) == 1

    def test_nothing_goes_before_it_is_done(self, bench, study):
        bench.rules = bench.rules.model_copy(update={"keep_days": 0.0})
        bench.unreached = True
        bench.start()
        bench.arrive(study(2))
        bench.work()
        assert len(bench.store.files(bench.job.study)) == 2


def test_words_and_records_hold_no_identifier(bench, study):
    bench.arrive(study(2, StudyDescription="Mr Secret"))
    bench.work()
    record = (bench.queue.folder(bench.job) / "job.json").read_text()
    assert json.loads(record)["state"] == "done"
    told = record + "\n".join(bench.said)
    assert not [word for word in ("Secret", "4711", "1.2.3") if word in told]


def test_a_record_that_was_written_counts_even_if_asked_to_stop_right_then(tmp_path, monkeypatch):
    queue = Queue(tmp_path)
    waiting = queue.save(Job("1" * 24, "2" * 24, "rules"))
    write = jobs.write_safely

    def write_and_stop(path, text):
        write(path, text)
        raise SystemExit

    monkeypatch.setattr(jobs, "write_safely", write_and_stop)
    with pytest.raises(SystemExit):
        queue.save(replace(waiting, state=State.DONE))
    assert [job.state for job in queue.all()] == [State.DONE]


def test_one_listener_a_spool(tmp_path):
    with only_one(tmp_path):
        another = only_one(tmp_path)
        with pytest.raises(CannotWriteError, match="another process listens"):
            another.__enter__()
    with only_one(tmp_path):
        assert (tmp_path / "lock").exists()


def test_the_identity_is_that_of_the_images_alone(study, tmp_path):
    files = study(3)
    first, images = images_of(files)
    assert (len(first), images) == (24, tuple(files))
    assert images_of(files[::-1])[0] == first
    assert images_of(files[:2])[0] != first
    assert images_of([tmp_path / "none"]) == ("", ())
    dataset = dcmread(files[0])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.save_as(files[0])
    assert images_of(files)[0] != first
