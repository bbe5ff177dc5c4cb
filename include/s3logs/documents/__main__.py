"""Write the generated pages: python -m include.s3logs.documents."""

from include.s3logs.documents.pages import pages

if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
