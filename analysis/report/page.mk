# The page's files are copied into assets.o by the assembler (.incbin): make it again when one of them changes.
$(BUILD)/analysis/report/assets.o: $(wildcard analysis/report/page/*)
