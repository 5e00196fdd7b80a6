"""CVAT: `CVAT for video 1.1` (tracks) and `CVAT for images 1.1`, read; video tracks written.

The action is the box's attributes called action (several are allowed), else its label. A check box attribute that is true is
an action of its own name.
"""

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from slowfast_paddle.data.ava_annotations import Annotation, Clock, fractions
from slowfast_paddle.errors import DataError


def read_cvat(path: str | Path, clock: Clock, video: str = "") -> list[Annotation]:
    """Read a CVAT xml file.

    Args:
        video: name for tracks; empty takes the task's source file without suffix, or its name.

    Raises:
        DataError: for another kind of file, or a box that cannot be.
    """
    root = _parse(Path(path))
    annotations = [item for image in root.iter("image") for item in _image(image, path, clock)]
    tracks = list(root.iter("track"))
    if tracks:
        width, height = (
            _number(root.findtext(f".//original_size/{name}"), f"{path}: original_size/{name}") for name in ("width", "height")
        )
        video = video or Path(root.findtext(".//source") or root.findtext(".//task/name") or "").stem
        if not video:
            raise DataError(f"{path}: does not say which video it annotates; give --video NAME")
        for track in tracks:
            annotations += _track(track, path, clock, video, width, height)
    return annotations


def _parse(path: Path) -> ET.Element:
    try:
        text = path.read_bytes()
        if b"<!ENTITY" in text:
            raise DataError(f"{path}: declares entities, which CVAT never does; refused")
        root = ET.fromstring(text)
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror}); expected a CVAT xml file") from err
    except ET.ParseError as err:
        raise DataError(f"{path}: not an xml file ({err}); export as CVAT for video 1.1 or CVAT for images 1.1") from err
    if root.tag != "annotations":
        raise DataError(f"{path}: its root is <{root.tag}>; expected <annotations> of CVAT for video 1.1 or for images 1.1")
    return root


def _image(image: ET.Element, path: str | Path, clock: Clock) -> Iterator[Annotation]:
    where = f"{path}: image {image.get('name')!r}"
    video, second = clock.place(image.get("name", ""), where)
    width, height = (_number(image.get(name), f"{where}: {name}") for name in ("width", "height"))
    for person, box in enumerate(image.iter("box")):
        corners = _corners(box, where, width, height)
        for action in _actions(box, box.get("label", "")):
            yield Annotation(video, second, corners, action, person)


def _track(track: ET.Element, path: str | Path, clock: Clock, video: str, width: float, height: float) -> Iterator[Annotation]:
    person = int(_number(track.get("id", "0"), f"{path}: track id"))
    for box in track.iter("box"):
        if box.get("outside") == "1":
            continue
        where = f"{path}: track {person} frame {box.get('frame')}"
        second = clock.second(_number(box.get("frame"), where))
        corners = _corners(box, where, width, height)
        for action in _actions(box, track.get("label", "")):
            yield Annotation(video, second, corners, action, person)


def _corners(box: ET.Element, where: str, width: float, height: float) -> tuple[float, float, float, float]:
    return fractions([_number(box.get(name), f"{where}: {name}") for name in ("xtl", "ytl", "xbr", "ybr")], width, height, where)


def _actions(box: ET.Element, label: str) -> list[str]:
    attributes = [(item.get("name", ""), (item.text or "").strip()) for item in box.iter("attribute")]
    named = [text for name, text in attributes if name.lower() in ("action", "actions") and text]
    named = [part.strip() for text in named for part in text.split(";") if part.strip()]
    ticked = [name for name, text in attributes if text.lower() == "true"]
    return list(dict.fromkeys(named + ticked)) or [label]


def _number(text: str | None, where: str) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        raise DataError(f"{where} is {text!r}; expected a number") from None


def write_cvat(path: str | Path, annotations: Sequence[Annotation], clock: Clock, size: tuple[int, int]) -> None:
    """Write one video as tracks, one a person, with the actions in an attribute.

    Raises:
        DataError: for annotations of several videos.
    """
    videos = sorted({item.video for item in annotations})
    if len(videos) != 1:
        raise DataError(
            f"{path}: CVAT keeps one video a file, but there are {len(videos)} ({', '.join(videos[:3])}); give --video NAME"
        )
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    ET.SubElement(task, "name").text = videos[0]
    original = ET.SubElement(task, "original_size")
    for name, value in zip(("width", "height"), size, strict=True):
        ET.SubElement(original, name).text = str(value)
    boxes: dict[int, dict[tuple, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in annotations:
        boxes[item.person][clock.frame(item.second), item.box].append(item.action)
    for person, moments in sorted(boxes.items()):
        track = ET.SubElement(root, "track", id=str(person), label="person")
        for (frame, corners), actions in sorted(moments.items()):
            scaled = [f"{value * size[place % 2]:.4f}" for place, value in enumerate(corners)]
            places = dict(zip(("xtl", "ytl", "xbr", "ybr"), scaled, strict=True))
            box = ET.SubElement(track, "box", frame=str(frame), outside="0", occluded="0", keyframe="1", **places)
            ET.SubElement(box, "attribute", name="action").text = ";".join(actions)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
