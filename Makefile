# beget: builds the library, its tests, examples and manuals. GNU make.
# make help lists the targets. CFLAGS, CPPFLAGS and LDFLAGS are yours; PREFIX and DESTDIR steer the installation.

VERSION = 0.1.0
SOVERSION = 0

PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
BUILD ?= build
CFLAGS ?= -O2 -g
export CC CXX BUILD

WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
OWN_CPPFLAGS = -Iinclude -Ilib -D_GNU_SOURCE
OWN_CFLAGS = -std=c11 $(WARNINGS) -fPIC -fno-plt -fvisibility=hidden -pthread
COMPILE = $(CC) $(OWN_CPPFLAGS) $(CPPFLAGS) $(OWN_CFLAGS) $(CFLAGS) -MMD -MP
COMPILE_CXX = $(CXX) $(OWN_CPPFLAGS) $(CPPFLAGS) -std=c++11 -Wall -Wextra $(CFLAGS) -pthread -MMD -MP
LINK = $(CC) $(CFLAGS) -pthread $(LDFLAGS)
LIBS = -lffi

SOURCES = $(wildcard lib/*.c)
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o)
STATIC = $(BUILD)/libbeget.a
SONAME = libbeget.so.$(SOVERSION)
SHARED = $(BUILD)/libbeget.so.$(VERSION)
PAGES = $(wildcard man/*.[1-9])
EXAMPLES = $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c)) $(patsubst %.cc,$(BUILD)/%,$(wildcard examples/*.cc)) \
	$(BUILD)/examples/demo
PROGS = $(patsubst %.c,$(BUILD)/%,$(wildcard test/prog/*.c))
CXXPROGS = $(patsubst %.cc,$(BUILD)/%,$(wildcard test/prog/*.cc))
TESTS = $(patsubst %.c,$(BUILD)/%,$(wildcard test/unit_*.c test/start_*.c test/helper_*.c test/fault_*.c))
TESTLIBS = $(patsubst %.c,$(BUILD)/%.so,$(wildcard test/lib/*.c))
SCRIPTS = $(wildcard test/*.sh)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help demo test check lint asan ubsan tsan valgrind coverage install uninstall dist clean examples programs

all: $(STATIC) $(BUILD)/libbeget.so $(BUILD)/beget.pc ## the library, static and shared (the default)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' Makefile | while read -r name text; do printf '%-10s %s\n' "$$name" "$$text"; done
	@echo 'Settings: CC, CXX, CFLAGS, CPPFLAGS, LDFLAGS, BUILD=$(BUILD), PREFIX=$(PREFIX), DESTDIR=$(DESTDIR)'

# Packages, one after the other: two installations at once would lock each other out

COMPILER_PACKAGE = $(if $(findstring clang,$1),clang,$2)=$(firstword $1)

$(BUILD)/.need-lib: tools/need
	@mkdir -p $(@D)
	@tools/need $(call COMPILER_PACKAGE,$(CC),gcc) libc6-dev=stdio.h libffi-dev=ffi.h
	@touch $@
$(BUILD)/.need-test: $(BUILD)/.need-lib
	@tools/need $(call COMPILER_PACKAGE,$(CXX),g++) libcmocka-dev=cmocka.h mandoc=mandoc
	@touch $@

# Library

$(BUILD)/lib/%.o: lib/%.c Makefile | $(BUILD)/.need-lib
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# Nothing may unwind from a target into a caller's frame: see lib/call.c
$(BUILD)/lib/call.o: OWN_CFLAGS += -fno-exceptions -fno-unwind-tables -fno-asynchronous-unwind-tables

$(STATIC): $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(SHARED): $(OBJECTS) lib/beget.map
	$(LINK) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=lib/beget.map -Wl,-z,now -Wl,-z,relro -o $@ $(OBJECTS) $(LIBS)

$(BUILD)/libbeget.so: $(SHARED)
	ln -sf $(notdir $(SHARED)) $(BUILD)/$(SONAME)
	ln -sf $(SONAME) $@

$(BUILD)/beget.pc: lib/beget.pc.in Makefile
	@mkdir -p $(@D)
	sed -e 's|@PREFIX@|$(PREFIX)|;s|@INCLUDEDIR@|$(INCLUDEDIR)|;s|@LIBDIR@|$(LIBDIR)|;s|@VERSION@|$(VERSION)|' $< > $@

# Examples and the demo

$(BUILD)/examples/%: examples/%.c $(STATIC)
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $< $(LDFLAGS) $(STATIC) $(LIBS)

$(BUILD)/examples/%: examples/%.cc $(STATIC) | $(BUILD)/.need-test
	@mkdir -p $(@D)
	$(COMPILE_CXX) -o $@ $< $(LDFLAGS) $(STATIC) $(LIBS)

$(BUILD)/examples/demo: examples/demo/main.c examples/demo/cost.c examples/demo/demo.h $(STATIC)
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $(filter %.c,$^) $(LDFLAGS) $(STATIC) $(LIBS)

examples: $(EXAMPLES) ## the programs in examples/

demo: $(BUILD)/examples/demo ## real work by all three methods, and what a start costs
	$<

# Tests

$(BUILD)/test/prog/%: test/prog/%.c $(STATIC) | $(BUILD)/.need-test
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $< $(LDFLAGS) $(STATIC) $(LIBS)

$(BUILD)/test/prog/%: test/prog/%.cc $(STATIC) | $(BUILD)/.need-test
	@mkdir -p $(@D)
	$(COMPILE_CXX) -o $@ $< $(LDFLAGS) $(STATIC) $(LIBS)

$(BUILD)/test/lib/%.so: test/lib/%.c
	@mkdir -p $(@D)
	$(COMPILE) -shared -Wl,--build-id=none -fvisibility=default -o $@ $< $(LDFLAGS)

$(BUILD)/test/%: test/%.c $(BUILD)/test/harness.o $(STATIC) | $(BUILD)/.need-test
	@mkdir -p $(@D)
	$(COMPILE) -Itest -o $@ $< $(BUILD)/test/harness.o $(LDFLAGS) $(STATIC) $(LIBS) -lcmocka

$(BUILD)/test/harness.o: test/harness.c | $(BUILD)/.need-test
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

programs: $(TESTS) $(TESTLIBS) $(PROGS) $(CXXPROGS)

test: all programs examples ## build and run every test
	@test/run $(TESTS) $(SCRIPTS)

check: test

# The same tests, watched. Each in a build folder of its own.

asan: ## the tests under the address sanitizer
	ASAN_OPTIONS=allocator_may_return_null=1 $(MAKE) BUILD=$(BUILD)/asan CFLAGS="-O1 -g -fsanitize=address -fno-omit-frame-pointer" watched
ubsan: ## the tests under the undefined behaviour sanitizer
	$(MAKE) BUILD=$(BUILD)/ubsan CFLAGS="-O1 -g -fsanitize=undefined -fno-sanitize-recover=all" watched
tsan: ## the threads test under the thread sanitizer
	$(MAKE) BUILD=$(BUILD)/tsan CFLAGS="-O1 -g -fsanitize=thread" $(BUILD)/tsan/test/start_threads
	test/run $(BUILD)/tsan/test/start_threads
WATCHED = $(TESTS)
# Not under valgrind, which has no pidfd_open and emulates limits, namespaces and descriptors. Single tests are skipped
# where they call not_under_valgrind.
# fault_%: thousands of starts; what a failure leaves behind is watched by the sanitizers.
# start_crash: it reports each crash as an error, and its signals tell less than the kernel's.
# start_family: vfork copies, and so cannot tell the helper's pid: each nested start launches a helper of its own.
# start_state: it puts variables of its own into each environment that it executes.
# start_limits, start_matrix, start_rebirth: what it tells of state is its own.
# start_threads: thousands of starts by threads, of which it runs one at a time; the thread sanitizer watches them.
UNFIT = fault_% start_crash start_family start_state start_limits start_matrix start_rebirth start_threads
VALGRIND_TESTS = $(addprefix $(BUILD)/valgrind/test/,$(filter-out $(UNFIT),$(notdir $(TESTS))))
# No leaks here: a child leaves with what it was given. The address sanitizer looks for them in the caller.
valgrind: ## the tests under valgrind
	@tools/need valgrind=valgrind
	$(MAKE) BUILD=$(BUILD)/valgrind CFLAGS="-O1 -g" \
		WRAP="valgrind -q --vgdb=no --trace-children=yes --error-exitcode=99 --leak-check=no \
			--run-libc-freeres=no --suppressions=$(CURDIR)/test/valgrind.supp" \
		WATCHED="$(VALGRIND_TESTS)" watched
coverage: ## line coverage of lib/ by the tests
	$(MAKE) BUILD=$(BUILD)/coverage CFLAGS="-O0 -g --coverage" watched
	@cd $(BUILD)/coverage/lib && gcov -n *.gcda 2>/dev/null | sed -n "/^File '.*lib\//{s/File //;N;p}"

.PHONY: watched
# Valgrind leaves a core file where it runs for each child that a test crashes
watched: programs
	@WRAP="$(WRAP)" test/run $(WATCHED); code=$$?; rm -f vgcore.*; exit $$code

lint: | $(BUILD)/.need-test ## warnings as errors, static analysis, layout, manuals, scripts
	@tools/need cppcheck=cppcheck clang=clang clang-format=clang-format shellcheck=shellcheck
	@test/lint

# Installation: one list for both ways

FILES = $(DESTDIR)$(INCLUDEDIR)/beget.h $(DESTDIR)$(INCLUDEDIR)/beget/call.h $(DESTDIR)$(LIBDIR)/libbeget.a \
	$(DESTDIR)$(LIBDIR)/libbeget.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME) $(DESTDIR)$(LIBDIR)/libbeget.so \
	$(DESTDIR)$(LIBDIR)/pkgconfig/beget.pc
INSTALLED_PAGES = $(foreach page,$(PAGES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))

install: all ## library, headers and manual, under DESTDIR and PREFIX
	install -d $(sort $(dir $(FILES) $(INSTALLED_PAGES)))
	install -m 644 include/beget.h $(DESTDIR)$(INCLUDEDIR)
	install -m 644 include/beget/call.h $(DESTDIR)$(INCLUDEDIR)/beget
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libbeget.so
	install -m 644 $(BUILD)/beget.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	$(foreach page,$(INSTALLED_PAGES),install -m 644 man/$(notdir $(page)) $(page) &&) true
	tools/manlinks install $(DESTDIR)$(MANDIR) $(PAGES)

uninstall: ## remove what install put there
	tools/manlinks uninstall $(DESTDIR)$(MANDIR) $(PAGES)
	rm -f $(FILES) $(INSTALLED_PAGES)
	-rmdir $(DESTDIR)$(INCLUDEDIR)/beget

dist: ## a source archive of the last commit
	@mkdir -p $(BUILD)
	git archive --prefix=beget-$(VERSION)/ -o $(BUILD)/beget-$(VERSION).tar.gz HEAD

clean: ## remove all that was built
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -maxdepth 3 -name '*.d' 2>/dev/null)
