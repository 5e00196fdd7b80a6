"""COCO-style json and the VGG Image Annotator's project or export (VIA 2), read and written.

Image names say the video and the frame (VIDEO_000031.jpg), or COCO images carry `video` and `second`.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from slowfast_paddle.data.ava_annotations import Annotation, Clock, fractions
from slowfast_paddle.errors import DataError


def read_coco(path: str | Path, clock: Clock) -> list[Annotation]:
    """Read images, annotations (bbox x, y, width, height in px) and categories (the actions).

    An annotation may name several actions in `category_ids`, and its person in `track_id`.

    Raises:
        DataError: naming the annotation, for a missing or malformed field.
    """
    content = _load(Path(path))
    try:
        images = {image["id"]: image for image in content["images"]}
        actions = {category["id"]: str(category["name"]) for category in content["categories"]}
        entries = content["annotations"]
    except (KeyError, TypeError) as err:
        raise DataError(f"{path}: not COCO-style json ({err}); expected images, annotations and categories") from err
    annotations = []
    for number, entry in enumerate(entries):
        where = f"{path}: annotation {entry.get('id', number)}"
        try:
            image = images[entry["image_id"]]
            x, y, width, height = (float(value) for value in entry["bbox"])
            numbers = entry.get("category_ids") or [entry["category_id"]]
            names = [actions[value] for value in numbers]
            video, second = (
                (image["video"], float(image["second"])) if "second" in image else clock.place(image["file_name"], where)
            )
            box = fractions((x, y, x + width, y + height), image["width"], image["height"], where)
        except (KeyError, TypeError, ValueError) as err:
            raise DataError(f"{where}: a field is missing or malformed ({type(err).__name__}: {err})") from err
        annotations += [Annotation(video, second, box, name, int(entry.get("track_id", 0))) for name in names]
    return annotations


def write_coco(path: str | Path, annotations: Sequence[Annotation], clock: Clock, size: tuple[int, int]) -> None:
    """Write one annotation per box and action."""
    width, height = size
    images: dict[tuple[str, float], int] = {}
    numbers = {action: number for number, action in enumerate(sorted({item.action for item in annotations}), start=1)}
    rows = []
    for number, item in enumerate(annotations, start=1):
        image = images.setdefault((item.video, item.second), len(images) + 1)
        x1, y1, x2, y2 = (value * size[place % 2] for place, value in enumerate(item.box))
        bbox = [round(value, 4) for value in (x1, y1, x2 - x1, y2 - y1)]
        rows.append(
            {"id": number, "image_id": image, "bbox": bbox, "category_id": numbers[item.action], "track_id": item.person}
            | {"area": round(bbox[2] * bbox[3], 4), "iscrowd": 0}
        )
    content = {
        "images": [
            {
                "id": number,
                "file_name": clock.image(video, second),
                "width": width,
                "height": height,
                "video": video,
                "second": second,
            }
            for (video, second), number in images.items()
        ],
        "annotations": rows,
        "categories": [{"id": number, "name": action} for action, number in numbers.items()],
    }
    Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_via(path: str | Path, clock: Clock, size: tuple[int, int] | None = None) -> list[Annotation]:
    """Read rectangles whose region attributes name the action (text, a drop-down, or ticked boxes); `person` is optional.

    Args:
        size: width, height in px; VIA does not store it.

    Raises:
        DataError: naming the image, for a missing or malformed field, or when the size is not given.
    """
    if size is None:
        raise DataError(f"{path}: VIA does not store the size of its images; give --width and --height in px")
    content = _load(Path(path))
    images = content.get("_via_img_metadata", content)
    return [item for image in images.values() for item in _via_image(image, path, clock, size)]


def _via_image(image: dict[str, Any], path: str | Path, clock: Clock, size: tuple[int, int]) -> Iterator[Annotation]:
    if not isinstance(image, dict) or "filename" not in image:
        raise DataError(f"{path}: not a VIA 2 project or json export; expected images with filename and regions")
    regions = image.get("regions", [])
    for number, region in enumerate(regions.values() if isinstance(regions, dict) else regions):
        where = f"{path}: {image['filename']} region {number}"
        video, second = clock.place(image["filename"], where)
        try:
            shape, said = region["shape_attributes"], region["region_attributes"]
            x, y, width, height = (float(shape[name]) for name in ("x", "y", "width", "height"))
            person = int(said.get("person", number))
        except (KeyError, TypeError, ValueError) as err:
            raise DataError(f"{where}: not a rectangle with attributes ({type(err).__name__}: {err})") from err
        box = fractions((x, y, x + width, y + height), *size, where)
        actions = list(_via_actions(said))
        if not actions:
            raise DataError(f"{where}: names no action; expected a region attribute called action")
        yield from (Annotation(video, second, box, action, person) for action in actions)


def _via_actions(said: dict[str, Any]) -> Iterator[str]:
    for name, value in said.items():
        if name == "person" or not value:
            continue
        if isinstance(value, dict):
            yield from (option for option, ticked in value.items() if ticked)
        else:
            yield str(value)


def write_via(path: str | Path, annotations: Sequence[Annotation], clock: Clock, size: tuple[int, int]) -> None:
    """Write a json that VIA 2 imports; the actions of a box become ticked boxes."""
    images: dict[str, dict[tuple, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in annotations:
        images[clock.image(item.video, item.second)][item.box, item.person].append(item.action)
    content = {
        f"{name}-1": {
            "filename": name,
            "size": -1,
            "regions": [_via_region(*key, actions, size) for key, actions in boxes.items()],
            "file_attributes": {},
        }
        for name, boxes in images.items()
    }
    Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _via_region(box: tuple[float, ...], person: int, actions: list[str], size: tuple[int, int]) -> dict:
    x1, y1, x2, y2 = (value * size[place % 2] for place, value in enumerate(box))
    shape = {"name": "rect"} | {
        name: round(value, 4) for name, value in zip(("x", "y", "width", "height"), (x1, y1, x2 - x1, y2 - y1), strict=True)
    }
    return {"shape_attributes": shape, "region_attributes": {"person": str(person), "action": dict.fromkeys(actions, True)}}


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror}); expected a json file") from err
    except ValueError as err:
        raise DataError(f"{path}: not a json file ({err})") from err
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds a {type(content).__name__}; expected an object")
    return content
