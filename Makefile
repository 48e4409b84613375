# spanwise: plain GNU make. `make demo` and `make check` install what is missing; everything else expects it to be there.
CC ?= cc
VERSION := 0.1.0
BUILD ?= build/opt
SANITIZE ?=
PKGS := libpcap sqlite3 ncursesw libmicrohttpd libxxhash libzstd liblz4 zlib libcap-ng libcjson
WARN := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla
CFLAGS ?= -O3 -g
CPPFLAGS += -I. -D_GNU_SOURCE -DSPANWISE_VERSION='"$(VERSION)"' $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -pthread
ifneq ($(SANITIZE),)
BUILD := build/san
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -DNO_MULTIVERSION
LDFLAGS += -fsanitize=address,undefined
endif

ROOMS := base capture analysis analysis/store analysis/report tui web cmd
SOURCES := $(foreach room,$(ROOMS),$(wildcard $(room)/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
BIN := $(BUILD)/spanwise

all: spanwise

spanwise: $(BUILD)/spanwise
	cp $< $@

$(BUILD)/spanwise: $(BUILD)/spanwise.o $(OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# One program per unit test: the test, and an archive of everything but main.
$(BUILD)/libspanwise.a: $(OBJECTS)
	rm -f $@; ar rcs $@ $^

UNITS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libspanwise.a
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libspanwise.a $(LIBS) -lcmocka

unit: $(UNITS)

clean:
	rm -rf build spanwise

-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d $(BUILD)/*/*/*.d)
.PHONY: all unit clean
