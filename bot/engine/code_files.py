"""Long code in an answer, which is better read as a file: taken out of the text and named there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.engine.fences import CodeBlock, code_blocks
from bot.ports import Capabilities

MOST: Final = 10
"""So many files go with one answer; code beyond that stays in its text."""

# fmt: off
_ENDINGS: Final[Mapping[str, str]] = {
    "bash": "sh", "c": "c", "c#": "cs", "c++": "cpp", "cpp": "cpp", "cs": "cs", "csharp": "cs",
    "css": "css", "csv": "csv", "diff": "diff", "go": "go", "golang": "go", "html": "html",
    "ini": "ini", "java": "java", "javascript": "js", "js": "js", "json": "json", "jsonl": "jsonl",
    "jsx": "jsx", "kotlin": "kt", "kt": "kt", "latex": "tex", "lua": "lua", "markdown": "md",
    "md": "md", "patch": "patch", "perl": "pl", "php": "php", "pl": "pl", "powershell": "ps1",
    "ps1": "ps1", "py": "py", "python": "py", "r": "r", "rb": "rb", "rs": "rs", "ruby": "rb",
    "rust": "rs", "scala": "scala", "scss": "scss", "sh": "sh", "shell": "sh", "sql": "sql",
    "svg": "svg", "swift": "swift", "tex": "tex", "toml": "toml", "ts": "ts", "tsv": "tsv",
    "tsx": "tsx", "typescript": "ts", "vue": "vue", "xml": "xml", "yaml": "yaml", "yml": "yml",
    "zig": "zig", "zsh": "sh",
}
# fmt: on
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
    "tsv": "text/tab-separated-values",
}


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A block of code as a file, to the character."""

    name: str
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class TakenApart:
    """A text with a line in place of each long block of code, and these as files."""

    markdown: str
    files: tuple[CodeFile, ...] = ()


def take_apart(markdown: str, capabilities: Capabilities) -> TakenApart:
    """Take blocks of code longer than `code_file_over_chars` out of a text, if that is set.

    Each line more gives the same files, or the last one grown, or one more: so this may be shown while
    the text is being written.
    """
    over = capabilities.code_file_over_chars
    most_per_char = 4  # of whatever platforms count in
    if over is None or len(markdown) * most_per_char <= over:
        return TakenApart(markdown)
    files: list[CodeFile] = []
    text, position = "", 0
    for block in code_blocks(markdown):
        if capabilities.measure(block.code) > over and len(files) < MOST:
            files.append(_file(block, files))
            text += f"{markdown[position : block.start]}_See the file `{files[-1].name}`._"
            position = block.end
    return TakenApart(text + markdown[position:], tuple(files))


def _file(block: CodeBlock, others: list[CodeFile]) -> CodeFile:
    ending = _ENDINGS.get(block.language.lower(), "txt")
    alike = sum(other.name.endswith(f".{ending}") for other in others)
    name = f"answer-{alike + 1}.{ending}" if alike else f"answer.{ending}"
    return CodeFile(name, _MEDIA_TYPES.get(ending, "text/plain"), block.code)
