# The page's files are copied into assets.o by the assembler (.incbin): make it again when one of them changes.
$(BUILD)/web/assets.o: web/page.html web/page.css web/page.js web/draw.js web/icon.svg
