"""The HTML page of a report as its tags and the text that a reader sees."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags with their attributes, and the text a reader sees."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._hidden = [], "", 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._hidden += tag == "style"

    def handle_endtag(self, tag):
        self._hidden -= tag == "style"

    def handle_data(self, data):
        self.text += "" if self._hidden else " " + data


def words(page):
    return " ".join(page.text.split())
