"""Console that shows text as it is, without markup, emoji codes or escape sequences."""

from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from tuner.formatting.printable import printable


class PlainConsole(Console):
    """Rich's console for texts that come from users.

    Rich reads `[v2]` in a table's cell as a style and `:x:` as an emoji; here both stay unchanged.
    Control characters become visible escapes.
    """

    def __init__(self, file: IO[str] | None = None, **settings: Any) -> None:
        """Write to a stream.

        Args:
            file: Text stream; None for standard output at the time of writing.
            settings: Further settings of rich's console.
        """
        super().__init__(
            file=file,
            markup=False,
            emoji=False,
            highlight=False,
            force_jupyter=False,  # Otherwise each line in a notebook is a separate HTML output.
            **settings,
        )

    def render_str(self, text: str, **settings: Any) -> Text:
        """Return the text without control characters; see rich for the settings."""
        return super().render_str(printable(text), **settings)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of any renderable, including a `Text` that was built elsewhere."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)
