# spanwise: plain GNU make.
#
#   make            build ./spanwise          make demo     install what is missing, build, audit a real capture
#   make unit       build the unit tests      make check    install what is missing, build twice, run every test
#   make bench      measure                   make proof    the long runs: kill -9, live load, fuzzing
#   make fuzz SECONDS=60                      make want NAME=x   make tests/pcap/x.want again
#   make install PREFIX=/usr DESTDIR=         make format | lint | clean
#
# Options: SANITIZE=1 (ASan + UBSan, in build/san), NO_TUI=1, NO_WEB=1 (without that room and its command), CC=clang,
# BUILD=folder, V=1 (show the commands). `demo` and `check` install Debian packages that are missing; everything else expects them to be there.
VERSION := 0.1.0
BUILD ?= build/opt
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CFLAGS ?= -O3 -g1
Q := $(if $(V),,@)
said = $(if $(V),,@echo "  $(1) $@")

lean := $(if $(NO_TUI),-notui)$(if $(NO_WEB),-noweb)
ifneq ($(lean),)
ifeq ($(origin BUILD),file)
BUILD := build/opt$(lean)
endif
CPPFLAGS += $(if $(NO_TUI),-DNO_TUI) $(if $(NO_WEB),-DNO_WEB)
endif
ifneq ($(SANITIZE),)
ifeq ($(origin BUILD),file)
BUILD := build/san$(lean)
endif
# Not position-independent: two hundred thousand relocations less, every time that it starts. Undefined behaviour traps, and
# ASan tells where (handle_sigill): what would be told of each place is 6 MB, that the search for leaks reads at every end.
CFLAGS := -Og -g1 -fno-pie -fno-omit-frame-pointer -fsanitize=address,undefined -fsanitize-undefined-trap-on-error
CPPFLAGS += -DNO_MULTIVERSION
LDFLAGS += -no-pie -fsanitize=address,undefined
$(BUILD)/base/hash.o: CPPFLAGS += -DXXH_NO_INLINE_HINTS=1 # which insist on what -Og does not do
endif

# gcc for x86 clears and copies what is larger than a line or two by `rep stos`, which takes 15 ns to begin with; what the C
# library does takes 3.
ifneq ($(shell echo | $(CC) -x c -fsyntax-only -mmemset-strategy=libcall:-1:noalign - 2>/dev/null && echo yes),)
CFLAGS += $(foreach f,memset memcpy,-m$(f)-strategy=unrolled_loop:128:noalign,libcall:-1:noalign)
endif

# clang 14 gives a function with target_clones another name outside its file than gcc does, and the link fails.
ifneq ($(findstring clang,$(CC)),)
CPPFLAGS += -DNO_MULTIVERSION
endif

# No number of envelope.c is infinite, and none is told from another by the sign of a zero: else the larger of two is no instruction.
$(BUILD)/analysis/envelope.o: CFLAGS += -ffinite-math-only -fno-signed-zeros
# live.c changes again what it changed a moment ago: read in pairs, what was written one by one is waited for.
$(BUILD)/analysis/live.o: CFLAGS += -fno-tree-slp-vectorize
# A record's length says where the next one begins: read in a pair it comes later.
$(BUILD)/capture/savefile.o: CFLAGS += -fno-tree-slp-vectorize

# Those with most names first: each name that one refers to, of its own mostly, is looked for in this order at every start.
PKGS := libcrypto sqlite3 libpcap libxxhash libzstd liblz4 zlib libbrotlidec libcap-ng libcjson \
	$(if $(NO_TUI),,ncursesw) $(if $(NO_WEB),,libmicrohttpd)
# Not linked: web/http.c loads it under the name that the linker would have noted.
MICROHTTPD := $(if $(NO_WEB),,$(or $(shell readelf -d "$$(pkg-config --variable=libdir libmicrohttpd)/libmicrohttpd.so" \
	2>/dev/null | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p'),libmicrohttpd.so))
WARN := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla
CPPFLAGS += -I. -D_GNU_SOURCE -DSPANWISE_VERSION='"$(VERSION)"' $(if $(NO_WEB),,-DMICROHTTPD='"$(MICROHTTPD)"') $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(filter-out libmicrohttpd,$(PKGS)) 2>/dev/null) -ldl -lm -pthread

ROOMS ?= base capture analysis analysis/store analysis/report analysis/policy $(if $(NO_TUI),,tui) \
	$(if $(NO_WEB),,web) cmd
SOURCES := $(foreach room,$(ROOMS),$(wildcard $(room)/*.c))
SOURCES := $(filter-out $(if $(NO_TUI),cmd/top.c) $(if $(NO_WEB),cmd/serve.c),$(SOURCES))
# FROM=folder: another build, whose objects are taken as they are where they are the same with and without the faces: all but
# the commands' (tests/lint/arrows.py sees to it).
OBJECTS := $(foreach source,$(SOURCES:.c=.o),$(if $(filter-out cmd/%,$(source)),$(or $(FROM),$(BUILD)),$(BUILD))/$(source))
BIN := $(BUILD)/spanwise
$(shell mkdir -p $(foreach room,$(ROOMS) tests fuzz,$(BUILD)/$(room)))

all: $(BIN)

include analysis/report/page.mk

ifeq ($(BUILD),build/opt)
all: spanwise
spanwise: $(BIN)
	@install -m 755 $< $@
endif

# One word of the compiler's line changed: build again.
FLAGS := $(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(LIBS)
ifneq ($(FLAGS),$(file <$(BUILD)/.flags))
.PHONY: $(BUILD)/.flags
endif
$(BUILD)/.flags:
	$(shell mkdir -p $(@D))$(file >$@,$(FLAGS))@:

ifneq ($(shell pkg-config --exists $(PKGS) 2>/dev/null && echo yes),yes)
NEED := libraries
endif
libraries:
	@echo "make: not all of these are here: pkg-config $(PKGS)" >&2
	@echo "make: 'sh tests/make/packages.sh build' installs them" >&2
	@false

$(BIN): $(BUILD)/spanwise.o $(OBJECTS)
	$(call said,link)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c $(BUILD)/.flags | $(NEED)
	$(call said,cc)
	$(Q)$(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# Everything but main, for the tests.
$(BUILD)/libspanwise.a: $(OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^

# The unit tests and the replays of fuzzing's inputs: one program, linked once, that has a link per test (tests/unit/all.c).
# They run once: not optimised, themselves not looked at for undefined behaviour (what they test is), and linked by the
# faster linker where there is one.
UNIT_FLAGS = $(patsubst -O%,-O0,$(CFLAGS:%,undefined=%)) $(CPPFLAGS)
QUICK_LINK := $(if $(shell command -v ld.gold),-fuse-ld=gold)
UNIT_LIBS := -lcmocka -lnghttp2 -lbrotlienc
UNIT_SOURCES ?= $(wildcard tests/unit/test_*.c)
FUZZ_NAMES ?= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
UNITS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/%)
REPLAYS := $(FUZZ_NAMES:fuzz_%=$(BUILD)/tests/replay_%)
TEST_OBJECTS := $(UNIT_SOURCES:tests/unit/%.c=$(or $(FROM),$(BUILD))/tests/%.o) $(FUZZ_NAMES:%=$(BUILD)/tests/%.o)
TEST_NAMES := ${UNIT_SOURCES:tests/unit/test_%.c=UNIT(%)} ${FUZZ_NAMES:fuzz_%=FUZZ(%)}
ifneq ($(TEST_NAMES),$(file <$(BUILD)/tests/names.def))
.PHONY: $(BUILD)/tests/names.def
endif
$(BUILD)/tests/names.def:
	$(shell mkdir -p $(@D))$(file >$@,$(TEST_NAMES))@:
$(BUILD)/tests/test_%.o: tests/unit/test_%.c $(BUILD)/.flags
	$(call said,cc)
	$(Q)$(CC) $(WARN) -Wno-missing-prototypes $(UNIT_FLAGS) -Dmain=main_$* -MMD -MP -c -o $@ $<
$(BUILD)/tests/fuzz_%.o: tests/fuzz/fuzz_%.c $(BUILD)/.flags
	$(call said,cc)
	$(Q)$(CC) $(WARN) -Wno-missing-prototypes $(UNIT_FLAGS) -DLLVMFuzzerTestOneInput=fuzz_$* -MMD -MP -c -o $@ $<
$(BUILD)/tests/all: tests/unit/all.c tests/fuzz/replay.c tests/fuzz/replay.h $(BUILD)/tests/names.def $(TEST_OBJECTS) $(BUILD)/libspanwise.a
	$(call said,link)
	$(Q)$(CC) $(WARN) $(UNIT_FLAGS) -I$(BUILD)/tests $(LDFLAGS) $(QUICK_LINK) -o $@ tests/unit/all.c tests/fuzz/replay.c \
		$(TEST_OBJECTS) $(BUILD)/libspanwise.a $(LIBS) $(UNIT_LIBS)
	@cd $(@D) && for name in $(notdir $(UNITS) $(REPLAYS)); do [ -L $$name ] || ln -sf all $$name; done
$(UNITS) $(REPLAYS): $(BUILD)/tests/all ;

unit: $(UNITS)
replay: $(REPLAYS)

# capture/ stands alone: it and the tests that include nothing of the other rooms, without them.
unit-capture:
	$(MAKE) --no-print-directory BUILD=build/capture ROOMS="base capture" FUZZ_NAMES= CFLAGS=-O0 \
		UNIT_SOURCES="$$(grep -LE '#include "(analysis|cmd|tui|web)/' tests/unit/test_*.c | tr '\n' ' ')" unit

# What a compiler says of it all, without making it.
syntax:
	$(Q)printf '%s\n' $(SOURCES) spanwise.c $(UNIT_SOURCES) $(wildcard tests/fuzz/*.c) | \
		bash tests/make/syntax.sh $(CC) $(WARN) -Wno-missing-prototypes $(CFLAGS) $(CPPFLAGS)
	@echo "ok - syntax by $(CC)"

# Fuzz targets with the fuzzer.
$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/libspanwise.a $(BUILD)/.flags
	$(call said,cc)
	$(Q)$(CC) $(WARN) -Wno-missing-prototypes $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -fsanitize=fuzzer,address,undefined -o $@ \
		$< $(BUILD)/libspanwise.a $(LIBS)

fuzzers: $(FUZZ_NAMES:%=$(BUILD)/fuzz/%)

SECONDS ?= 60
fuzz:
	$(MAKE) --no-print-directory -j$(JOBS) BUILD=build/fuzz CC=clang fuzzers \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
		-DSTREAM_WINDOW=16384"
	bash tests/make/fuzz.sh $(SECONDS)

demo:
	@sh tests/make/packages.sh demo
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=build/opt all
	@rm -f build/demo.db build/demo.db-wal build/demo.db-shm
	@./spanwise capture -q -r tests/pcap/demo.pcap.zst --secret tests/pcap/secret -d build/demo.db
	@./spanwise report build/demo.db --format text
	@echo
	@echo "To look further:  ./spanwise top build/demo.db"
	@echo "In the browser:   ./spanwise serve build/demo.db   (http://127.0.0.1:8930)"

check:
	@sh tests/make/packages.sh check
	@bash tests/run

proof:
	@sh tests/make/packages.sh check
	@bash tests/make/proof.sh

lint:
	@CPPCHECK=1 bash tests/run lint

# The analysis alone; at a fixed address, so that tests/bench/shares.py finds what a tick fell into.
$(BUILD)/analysis_bench: tests/bench/analysis_bench.c $(BUILD)/libspanwise.a $(BUILD)/.flags
	$(Q)$(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -no-pie -o $@ $< $(BUILD)/libspanwise.a $(LIBS)

bench: all $(BUILD)/analysis_bench
	@python3 tests/bench/shares.py $(BUILD)/analysis_bench
	@bash tests/bench/bench.sh
	@bash tests/bench/h2.sh

want: all
	@bash tests/pcap/want.sh $(NAME)

FORMATTED = $(wildcard *.[ch] base/*.[ch] capture/*.[ch] analysis/*.[ch] analysis/*/*.[ch] tui/*.[ch] web/*.[ch] \
	cmd/*.[ch] tests/*/*.[ch])
format:
	clang-format -i $(FORMATTED)

$(BUILD)/spanwise.1: $(BIN) docs/man.sh
	sh docs/man.sh $(abspath $(BIN)) >$@

install: $(BIN) $(BUILD)/spanwise.1
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/spanwise
	install -D -m 644 $(BUILD)/spanwise.1 $(DESTDIR)$(PREFIX)/share/man/man1/spanwise.1

clean:
	rm -rf build spanwise

# For scripts: `make -s print-CPPFLAGS`.
print-%:
	@echo $(foreach word,$($*),'$(subst ','\'',$(word))')

-include $(OBJECTS:.o=.d) $(BUILD)/spanwise.d $(TEST_OBJECTS:.o=.d)
.PHONY: all libraries unit unit-capture syntax replay fuzzers fuzz demo check proof lint bench want format install clean
.SECONDARY:
