"""The renderer by another hand: its truth lies on its pixels, its films follow from their seeds, its files decode."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

import av

from tools.bench_ecg import another_hand
from tools.ecg_screens import __main__ as command
from tools.ecg_screens import draws, films, movement
from tools.ecg_screens.draws import Factor
from tools.ecg_screens.files import File, Kind
from tools.ecg_screens.films import Film
from tools.ecg_screens.lens import Filming, Lens
from tools.ecg_screens.looks import Look, Product
from tools.ecg_screens.movement import Movement, Way
from tools.ecg_video import sources

SMALL = Look(size=(320, 120), lane=(10, 10, 300, 100), mm_px=3.0)
RECORDING = sources.synthetic(60.0)


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("jagged", [False, True])
def test_the_truth_lies_on_the_ink_to_within_a_pixel(way: Way, jagged: bool) -> None:
    film = Film(replace(SMALL, jagged=jagged), Movement(way))
    glass = films.display(film, RECORDING, 10.0, 8.0)
    now, (left, top, width, height) = 7.3, SMALL.lane
    shown = movement.drawn_until(film.move, now, glass.lap_s)
    true = glass.truth(0, 0.0, shown)
    lit = glass.frame(now)[top : top + height, left : left + width].sum(axis=2).astype(float)
    lit[:22, :60] = 0  # the lead's name
    off = []
    for piece in movement.pieces(film.move, now, width, glass.speed):
        for second in np.arange(max(piece.first_s, 0.0) + 0.1, piece.last_s - 0.1, 0.05):
            column = int(piece.at(second))
            within = second + (np.linspace(column, column + 1, 9) - piece.at(second)) / piece.speed
            values = np.interp(within, np.arange(len(true)) / RECORDING.rate, true)
            if 1 < column < width - 1 and np.ptp(values) * glass.look.pixels_per_mv < 1:
                ink = lit[:, column]
                middle = float((ink * (np.arange(height) + 0.5)).sum() / ink.sum())
                off.append(middle - float(glass.height(values.mean())))
    assert len(off) > 40
    # A jagged pen two pixels wide can only lie half a pixel beside the truth.
    assert abs(np.mean(off)) < (0.6 if jagged else 0.2)
    assert np.percentile(np.abs(off), 90) < 1.0


def test_a_sweep_leaves_its_gap_empty_and_one_without_a_gap_leaves_none() -> None:
    for gap in (0.0, 0.1):
        glass = films.display(Film(SMALL, Movement(Way.SWEEP, gap=gap)), RECORDING, 10.0, 8.0)
        left, top, width, height = SMALL.lane
        lit = glass.frame(5.2)[top + 22 : top + height, left : left + width].max(axis=(0, 2)) > 60
        assert (~lit).sum() == pytest.approx(gap * width, abs=4)


def test_what_scrolls_to_the_right_has_its_newest_second_at_the_left() -> None:
    (piece,) = movement.pieces(Movement(Way.RIGHT), 5.0, 300, 100.0)
    assert piece.at(5.0) == pytest.approx(0.0)
    assert piece.at(2.0) == pytest.approx(300.0)


def test_pages_show_nothing_new_until_one_is_full() -> None:
    move = Movement(Way.PAGE)
    assert [movement.drawn_until(move, now, 3.0) for now in (0.0, 2.9, 3.0, 5.9)] == [0.0, 0.0, 3.0, 3.0]


def test_the_camera_sees_the_glass_where_its_homography_says() -> None:
    glass = np.zeros((120, 200, 3), np.uint8)
    glass[80:84, 150:154] = 255
    filming = Filming(Lens(margin=0.1, yaw=12.0, pitch=-6.0, roll=3.0, tremor=3.0), (200, 120), 8.0, seed=1)
    seen = filming.picture(glass, 2.0)[..., 0].astype(float)
    rows, columns = np.nonzero(seen > 160)
    weights = seen[rows, columns]
    x, y, depth = filming.matrix(2.0) @ np.array([152.0, 82.0, 1.0])
    assert np.average(columns + 0.5, weights=weights) == pytest.approx(x / depth, abs=0.4)
    assert np.average(rows + 0.5, weights=weights) == pytest.approx(y / depth, abs=0.4)


def test_the_hand_trembles_and_a_recording_does_not() -> None:
    still, held = (Filming(lens, (200, 120), 8.0, 0) for lens in (Lens(), Lens(tremor=3.0)))
    assert np.allclose(still.matrix(0.0), still.matrix(1.0))
    assert not np.allclose(held.matrix(0.0), held.matrix(1.0))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_file_decodes_to_what_was_filmed(kind: Kind, tmp_path: Path) -> None:
    film = Film(SMALL, Movement(Way.LEFT), file=File(kind, Fraction(25)))
    path = tmp_path / f"film{kind.suffix}"
    films.render(path, film, RECORDING, 10.0, 0.6)
    with av.open(str(path)) as container:
        frames = [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert [time for time, _ in frames] == pytest.approx(np.arange(15) / 25, abs=0.001)
    shown = films.display(film, RECORDING, 10.0, 0.6).frame(frames[-1][0]).astype(float)
    assert np.corrcoef(frames[-1][1].astype(float).ravel(), shown.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    ("file", "size"),
    [
        (File(pixels="yuv444p", odd=True), (319, 119)),
        (File(Kind.MKV, odd=True), (319, 119)),
        (File(pixels="yuv420p10le", rows=240), (640, 240)),
        (File(Kind.AVI, pixels="yuvj422p"), (320, 120)),
    ],
)
def test_files_have_the_size_and_the_colours_that_were_asked_for(
    file: File, size: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / f"film{file.kind.suffix}"
    films.render(path, Film(SMALL, file=file), RECORDING, 10.0, 0.3)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == size
    assert frame.format.name == file.pixels


def test_a_turn_in_the_metadata_is_there_for_the_decoder(tmp_path: Path) -> None:
    films.render(tmp_path / "film.mp4", Film(SMALL, file=File(turn=90)), RECORDING, 10.0, 0.3)
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 90


def test_dropped_and_uneven_frames_keep_their_own_times(tmp_path: Path) -> None:
    film = Film(SMALL, file=File(uneven=True, dropped=0.3))
    films.render(tmp_path / "film.mp4", film, RECORDING, 10.0, 2.0)
    with av.open(str(tmp_path / "film.mp4")) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    assert times == pytest.approx(film.file.times(2.0, film.seed).tolist(), abs=0.001)
    assert len(times) < 55
    assert np.diff(times).std() > 0.005


@pytest.mark.parametrize("factor", list(Factor))
def test_a_film_follows_from_its_seed(factor: Factor) -> None:
    assert draws.film(factor, 3) == draws.film(factor, 3)
    assert draws.film(factor, 3) != draws.film(factor, 4)
    film = replace(draws.film(factor, 3), seed=3)
    one, two = (
        Filming(film.lens, film.look.size, 8.0, 3).picture(films.display(film, RECORDING, 30.0, 8.0).frame(1.0), 1.0)
        for _ in range(2)
    )
    assert np.array_equal(one, two)


@pytest.mark.parametrize("product", list(Product))
def test_every_product_shows_its_curve_inside_its_lane(product: Product) -> None:
    for seed in range(3):
        film = draws.film(Factor.LOOK, seed, product)
        glass = films.display(film, RECORDING, 16.0, 8.0)
        rows = glass.height(np.array([RECORDING.samples.min(), RECORDING.samples.max()]))
        assert (rows > 0).all()
        assert (rows < film.look.lane[3]).all()
        assert glass.frame(1.0).shape == (film.look.size[1], film.look.size[0], 3)


def test_only_what_is_special_about_a_film_is_out_of_the_ordinary() -> None:
    for seed in range(12):
        assert draws.film(Factor.FILE, seed).lens == Lens()
        assert draws.film(Factor.CAMERA, seed).file.kind is Kind.MP4
        assert draws.film(Factor.MOVEMENT, seed).look.product is Product.BEDSIDE


def test_the_command_writes_videos_with_their_truth_and_says_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path), "--special", "movement", "--count", "1", "--seconds", "0.5"]) == 0
    assert "sweep without a gap" in capsys.readouterr().out
    truth = json.loads((tmp_path / "movement-000.truth.json").read_text())
    assert truth["geometry"]["kind"] == "sweep"
    assert len(truth["samples"]) == pytest.approx(truth["duration_s"] * truth["sampling_rate_hz"], abs=2)
    assert (tmp_path / "movement-000.mp4").exists()


def test_the_command_says_what_a_data_folder_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(tmp_path), "--data", str(tmp_path)]) == 2
    assert "mitdb" in capsys.readouterr().err


def outcome(**known: object) -> another_hand.Outcome:
    told = {"factor": "look", "seed": 0, "special": "watch", "patient": "made-0", "file": "f.mp4", "ceiling_db": 20.0}
    return another_hand.Outcome(**{**told, **known})  # type: ignore[arg-type]


def test_a_refusal_counts_and_a_bad_reading_that_does_not_say_so_is_counted_apart() -> None:
    found = [
        outcome(refused="no_trace"),
        outcome(snr_db=2.0, f1=0.5),
        outcome(snr_db=3.0, f1=1.0, findings=("low_quality",)),
    ]
    row = next(line for line in another_hand.document(found).splitlines() if line.startswith("| look | 3"))
    assert [cell.strip() for cell in row.split("|")[3:-1]] == [
        "2.0", "1.0 to 2.5", "0.500", "1 `no_trace`", "0 of 2", "1",
    ]  # fmt: skip


def test_nobody_who_is_reported_on_elsewhere_is_read() -> None:
    text = Path(another_hand.__file__).read_text()
    assert re.findall(r"report=(\w+)", text) == ["False"]
