"""What the ends of file names say."""

VIDEOS = (
    ".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts", ".wmv", ".asf",
    ".flv", ".f4v", ".ogv", ".gif",
)  # fmt: skip
SOUNDS = (".mp3", ".wav", ".flac", ".aac", ".m4a", ".ogg", ".wma", ".opus")
