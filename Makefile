# beget: builds the library, its tests, examples and manuals. GNU make.
# make help lists the targets. CFLAGS, CPPFLAGS and LDFLAGS are the user's; PREFIX and DESTDIR set where to install.

VERSION = 0.1.0
SOVERSION = 0

PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
LIBEXECDIR ?= $(PREFIX)/libexec
MANDIR ?= $(PREFIX)/share/man
MUSL := $(findstring musl,$(CC) $(shell $(CC) -dumpmachine))
BUILD ?= $(if $(MUSL),build/musl,build)
CFLAGS ?= -O2 -g
# Only the tests, the demo and the service install missing packages; other targets print the command.
INSTALL_PACKAGES ?= $(if $(filter demo serve test check,$(MAKECMDGOALS)),yes)
export CC CXX BUILD INSTALL_PACKAGES

WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
OWN_CPPFLAGS = -Iinclude -Ilib -D_GNU_SOURCE
OWN_CFLAGS = -std=c11 $(WARNINGS) -fPIC -fno-plt -fvisibility=hidden -pthread
COMPILE = $(CC) $(OWN_CPPFLAGS) $(CPPFLAGS) $(OWN_CFLAGS) $(CFLAGS) -MMD -MP
COMPILE_CXX = $(CXX) $(OWN_CPPFLAGS) $(CPPFLAGS) -std=c++17 -Wall -Wextra $(CFLAGS) -pthread -MMD -MP
LINK = $(CC) $(CFLAGS) -pthread $(OWN_LDFLAGS) $(LDFLAGS)
# The references to the loader are weak, for static programs. Before glibc 2.34 it is a separate library, which
# --as-needed would drop.
LOADER = -Wl,--push-state,--no-as-needed -ldl -Wl,--pop-state
LIBS = -lffi $(LOADER)

ifdef MUSL
OWN_CFLAGS += -Wno-sign-conversion # musl's CMSG_NXTHDR
endif
# Debian has no libraries for musl: see tools/musl. The other compilers write the build-id by themselves.
ifneq ($(findstring musl-gcc,$(CC)),)
ROOT := $(abspath $(BUILD)/root)
override CC := $(CC) -isystem $(ROOT)/include -L$(ROOT)/lib -Wl,--build-id
endif

SOURCES = $(filter-out lib/main/host.c,$(wildcard lib/*/*.c))
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o)
STATIC = $(BUILD)/libbeget.a
SONAME = libbeget.so.$(SOVERSION)
SHARED = $(BUILD)/libbeget.so.$(VERSION)
HOST = $(BUILD)/beget-host
# With these, pkg-config and CMake find the library.
FINDERS = $(BUILD)/beget.pc $(BUILD)/beget-config.cmake $(BUILD)/beget-config-version.cmake
PAGES = $(wildcard man/*.[1-9])
UV := $(shell $(CC) $(CPPFLAGS) -include uv.h -E -x c /dev/null >/dev/null 2>&1 && echo yes)
# musl-gcc compiles no C++.
CXXFILES = $(if $(ROOT),,$(wildcard examples/*.cc test/prog/*.cc))
EXAMPLES = $(patsubst %.c,$(BUILD)/%,$(filter-out $(if $(UV),,examples/pool_uv.c),$(wildcard examples/*.c))) \
	$(patsubst %.cc,$(BUILD)/%,$(filter examples/%,$(CXXFILES))) $(BUILD)/examples/demo
PROGS = $(patsubst %.c,$(BUILD)/%,$(wildcard test/prog/*.c))
CXXPROGS = $(patsubst %.cc,$(BUILD)/%,$(filter test/%,$(CXXFILES)))
TESTS = $(patsubst %.c,$(BUILD)/%,$(wildcard test/unit_*.c test/start_*.c test/helper_*.c test/pool_*.c test/server_*.c test/service_*.c test/fault_*.c))
FUZZED = value message wire
REPLAYS = $(FUZZED:%=$(BUILD)/test/fuzz/replay_%)
TESTLIBS = $(patsubst %.c,$(BUILD)/%.so,$(wildcard test/lib/*.c)) $(addprefix $(BUILD)/test/lib/, \
	one/twin.so two/twin.so other/dep.so needs_only.so needs_silently.so hooked.so nested_static.so)
SCRIPTS = $(wildcard test/*.sh)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help demo serve bench test check lint soak chroot vm asan ubsan tsan valgrind coverage fuzz fuzzers install uninstall docs dist deb clean examples programs

all: $(STATIC) $(BUILD)/libbeget.so $(HOST) $(FINDERS) ## the library, static and shared, and its host program (the default)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' Makefile | while read -r name text; do printf '%-10s %s\n' "$$name" "$$text"; done
	@echo 'Settings: CC, CXX, CFLAGS, CPPFLAGS, LDFLAGS, BUILD=$(BUILD), PREFIX=$(PREFIX), DESTDIR=$(DESTDIR)'

# Packages, one after the other: two installations at once would fail on the lock of the package manager

COMPILER_PACKAGE = $(if $(findstring clang,$1),clang,$2)=$(firstword $1)

$(BUILD)/.need-lib: tools/need
	@mkdir -p $(@D)
	@$(if $(ROOT),tools/musl $(ROOT),tools/need $(call COMPILER_PACKAGE,$(CC),gcc) libc6-dev=stdio.h libffi-dev=ffi.h)
	@touch $@
$(BUILD)/.need-test: $(BUILD)/.need-lib
	@tools/need $(call COMPILER_PACKAGE,$(CXX),g++) mandoc=mandoc
	@$(if $(ROOT),tools/musl $(ROOT) cmocka zlib,tools/need libcmocka-dev=cmocka.h zlib1g-dev=zlib.h)
	@tools/need bubblewrap=bwrap strace=strace numactl=numactl || echo 'left out: tests of launchers that are missing'
	@touch $@

# Library

$(BUILD)/lib/%.o: lib/%.c Makefile | $(BUILD)/.need-lib
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# Nothing may unwind from a target into a caller's frame: see lib/callee/ffi.c
$(BUILD)/lib/callee/ffi.o: OWN_CFLAGS += -fno-exceptions -fno-unwind-tables -fno-asynchronous-unwind-tables

# Some files contain paths of the installation. This file changes only when one of these directories does.
PLACES = $(PREFIX) $(INCLUDEDIR) $(LIBDIR) $(LIBEXECDIR)
$(BUILD)/places: FORCE
	@mkdir -p $(@D)
	@echo '$(PLACES)' | cmp -s - $@ || echo '$(PLACES)' > $@
.PHONY: FORCE
$(BUILD)/lib/program/executable.o: OWN_CPPFLAGS += -DBEGET_HOST_PATH='"$(LIBEXECDIR)/beget-host"'
$(BUILD)/lib/program/executable.o $(HOST) $(FINDERS): $(BUILD)/places

$(STATIC): $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(SHARED): $(OBJECTS) lib/beget.map
	$(LINK) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=lib/beget.map -Wl,-z,nodelete -Wl,-z,now -Wl,-z,relro -o $@ $(OBJECTS) $(LIBS)

$(BUILD)/libbeget.so: $(SHARED)
	ln -sf $(notdir $(SHARED)) $(BUILD)/$(SONAME)
	ln -sf $(SONAME) $@

# The host uses the shared library, so that a module that needs the library gets the same one. The run path finds it
# beside the host in the build folder, and where it will be installed.
HOST_RPATH = $$ORIGIN:$$ORIGIN/$(shell realpath -m --relative-to='$(LIBEXECDIR)' '$(LIBDIR)')
$(HOST): $(BUILD)/lib/main/host.o $(BUILD)/libbeget.so
	$(LINK) -Wl,-rpath,'$(HOST_RPATH)' -o $@ $(BUILD)/lib/main/host.o $(SHARED)

# CMake's file refers to its neighbours relative to its own place.
INCLUDE = $(shell realpath -m --relative-to='$(LIBDIR)/cmake/beget' '$(INCLUDEDIR)')
$(FINDERS): $(BUILD)/%: lib/%.in Makefile
	@mkdir -p $(@D)
	sed $(foreach name,PREFIX INCLUDEDIR INCLUDE LIBDIR LOADER SONAME VERSION,-e 's|@$(name)@|$($(name))|') $< > $@

# Examples and the demo

$(BUILD)/examples/%: examples/%.c $(STATIC)
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $< $(OWN_LDFLAGS) $(LDFLAGS) $(STATIC) $(LIBS)

$(BUILD)/examples/%: examples/%.cc $(STATIC) | $(BUILD)/.need-test
	@mkdir -p $(@D)
	$(COMPILE_CXX) -o $@ $< $(LDFLAGS) $(STATIC) $(LIBS)

$(BUILD)/examples/zlib $(BUILD)/examples/inflate $(BUILD)/examples/sandbox: LIBS += -lz
$(BUILD)/examples/pool_uv: LIBS += -luv
$(BUILD)/examples/zlib $(BUILD)/examples/inflate $(BUILD)/examples/sandbox: | $(BUILD)/.need-test

$(BUILD)/examples/demo: examples/demo/main.c examples/demo/cost.c examples/demo/demo.h $(STATIC)
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $(filter %.c,$^) $(OWN_LDFLAGS) $(LDFLAGS) $(STATIC) $(LIBS)

# Test and bench replace a function of its model.
SERVICE = $(wildcard examples/service/*.c examples/service/*.h)
$(BUILD)/examples/service $(BUILD)/test/prog/counting $(BUILD)/test/bench/service: $(SERVICE) $(STATIC)
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $(filter %.c %.o,$^) $(WRAP) $(LDFLAGS) $(STATIC) $(LIBS) -lmicrohttpd
$(BUILD)/test/prog/counting: WRAP = -Wl,--wrap=model_predict
$(BUILD)/test/prog/counting: test/prog/counting/predict.c

$(BUILD)/examples/centres: $(BUILD)/examples/service
	$< train $@ 1

examples: $(EXAMPLES) ## the programs in examples/
	@$(if $(MUSL),,if tools/need libmicrohttpd-dev=microhttpd.h curl=curl; then $(MAKE) -s $(BUILD)/examples/service; \
		else echo 'left out: examples/service'; fi)

demo: $(BUILD)/examples/demo ## real work with all three methods, and what a start costs
	$<

SERVE_PORT ?= 8080
serve: ## a model served over HTTP on SERVE_PORT=8080, by children that share it
	@tools/need libmicrohttpd-dev=microhttpd.h
	@$(MAKE) -s $(BUILD)/examples/centres
	$(BUILD)/examples/service serve $(BUILD)/examples/centres $(SERVE_PORT)

# Tests

$(BUILD)/test/prog/%: $(BUILD)/test/prog/%.o $(STATIC)
	$(LINK) -o $@ $< $(STATIC) $(LIBS)

$(BUILD)/test/prog/%: test/prog/%.cc $(STATIC) | $(BUILD)/.need-test
	@mkdir -p $(@D)
	$(COMPILE_CXX) -o $@ $< $(LDFLAGS) $(STATIC) $(LIBS)

# Libraries that tests load at run time, and their dependencies, which the loader finds in different ways.
TEST_SO = $(COMPILE) -shared -fvisibility=default -Wl,-soname,$(@F) -o $@ $< $(LDFLAGS)
$(TESTLIBS): | $(BUILD)/.need-lib
$(BUILD)/test/lib/%.so: test/lib/%.c
	@mkdir -p $(@D)
	$(TEST_SO)
$(BUILD)/test/lib/no_build_id.so: test/lib/no_build_id.c
	@mkdir -p $(@D)
	$(TEST_SO) -Wl,--build-id=none
$(BUILD)/test/lib/one/twin.so $(BUILD)/test/lib/two/twin.so: test/lib/plugin.c
	@mkdir -p $(@D)
	$(TEST_SO) -DNUMBER=$(if $(findstring /one/,$@),1,2)
$(BUILD)/test/lib/other/dep.so: test/lib/dep.c
	@mkdir -p $(@D)
	$(TEST_SO) -DNUMBER=1000
$(BUILD)/test/lib/needs.so: test/lib/needs.c $(BUILD)/test/lib/dep.so
	$(TEST_SO) $(BUILD)/test/lib/dep.so -Wl,-rpath,'$$ORIGIN'
$(BUILD)/test/lib/needs_only.so: test/lib/needs.c $(BUILD)/test/lib/dep.so
	$(TEST_SO) $(BUILD)/test/lib/dep.so
$(BUILD)/test/lib/needs_silently.so: test/lib/needs.c
	@mkdir -p $(@D)
	$(TEST_SO)
$(BUILD)/test/lib/hooked.so: test/lib/hooks.c
	@mkdir -p $(@D)
	$(TEST_SO) -DHOOKED
$(BUILD)/test/lib/hooks.so: test/lib/hooks.c $(BUILD)/test/lib/hooked.so
	$(TEST_SO) $(BUILD)/test/lib/hooked.so -Wl,-rpath,'$$ORIGIN'
$(BUILD)/test/lib/nested.so $(BUILD)/test/lib/starter.so: $(BUILD)/test/lib/%.so: test/lib/%.c $(BUILD)/libbeget.so
	@mkdir -p $(@D)
	$(TEST_SO) $(SHARED) -Wl,-rpath,'$$ORIGIN/../..'
$(BUILD)/test/lib/nested_static.so: test/lib/nested.c $(STATIC)
	@mkdir -p $(@D)
	$(TEST_SO) $(STATIC) $(LIBS)
$(BUILD)/test/prog/reloads: $(BUILD)/test/prog/reloads.o
	$(LINK) -o $@ $< $(LIBS)
$(BUILD)/test/prog/plugins: $(BUILD)/test/prog/plugins.o $(STATIC) $(BUILD)/test/lib/dep.so
	$(LINK) -o $@ $< $(STATIC) -Wl,--no-as-needed $(BUILD)/test/lib/dep.so -Wl,-rpath,'$$ORIGIN/../lib' $(LIBS)

$(TESTS) $(BUILD)/test/soak $(BUILD)/test/soak_pool: $(BUILD)/test/%: $(BUILD)/test/%.o $(BUILD)/test/harness.o $(STATIC)
	$(LINK) -o $@ $< $(BUILD)/test/harness.o $(STATIC) $(LIBS) -lcmocka -lrt

$(TESTS) $(EXAMPLES): OWN_LDFLAGS += $(if $(ROOT),-Xlinker -rpath=$(ROOT)/lib)
$(BUILD)/test/start_existing: LIBS += -lz -lm
$(BUILD)/test/server_executable: LIBS += -lz

$(BUILD)/test/%.o: test/%.c | $(BUILD)/.need-test
	@mkdir -p $(@D)
	$(COMPILE) -Itest -c -o $@ $<

# The fuzzers count what the library allocates; without libFuzzer they replay their corpora.
COUNTED = -Wl,--wrap=beget__mem_alloc,--wrap=beget__mem_alloc_unset,--wrap=beget__mem_alloc_aligned,--wrap=beget__file_map_given,--wrap=beget__file_unmap

$(BUILD)/test/fuzz/%.o: test/fuzz/%.c | $(BUILD)/.need-lib
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(BUILD)/test/fuzz/replay_%: $(BUILD)/test/fuzz/fuzz_%.o $(BUILD)/test/fuzz/fuzz.o $(BUILD)/test/fuzz/replay.o $(STATIC)
	$(LINK) $(COUNTED) -o $@ $(filter %.o,$^) $(STATIC) $(LIBS)

$(BUILD)/test/fuzz/fuzz_%: $(BUILD)/test/fuzz/fuzz_%.o $(BUILD)/test/fuzz/fuzz.o $(STATIC)
	$(LINK) -fsanitize=fuzzer $(COUNTED) -o $@ $(filter %.o,$^) $(STATIC) $(LIBS)

programs: $(HOST) $(TESTS) $(REPLAYS) $(TESTLIBS) $(PROGS) $(CXXPROGS)

test: all programs examples ## build and run every test
	@[ ! -x $(BUILD)/examples/service ] || $(MAKE) -s $(BUILD)/test/prog/counting
	@test/run $(TESTS) $(REPLAYS) $(SCRIPTS)

check: test

# The same tests under a sanitizer or valgrind, each in its own build folder.

asan: ## the tests under the address sanitizer
	ASAN_OPTIONS=allocator_may_return_null=1 $(MAKE) BUILD=$(BUILD)/asan CFLAGS="-O1 -g -fsanitize=address -fno-omit-frame-pointer" watched
ubsan: ## the tests under the undefined behaviour sanitizer
	$(MAKE) BUILD=$(BUILD)/ubsan CFLAGS="-O1 -g -fsanitize=undefined -fno-sanitize-recover=all" watched
tsan: ## the threads test under the thread sanitizer
	$(MAKE) BUILD=$(BUILD)/tsan CFLAGS="-O1 -g -fsanitize=thread" $(BUILD)/tsan/test/start_threads
	test/run $(BUILD)/tsan/test/start_threads
WATCHED = $(TESTS) $(REPLAYS)
# Not under valgrind, which lacks pidfd_open and emulates limits, namespaces and descriptors. Single tests call
# not_under_valgrind to be skipped.
# fault_%: thousands of starts; the sanitizers check what a failure leaves behind.
# start_crash: valgrind reports each crash as an error, and its signals carry less information than the kernel's.
# start_family: its vfork copies memory, so the helper's pid stays unknown and each nested start launches a helper.
# helper_storm: the same, and the test signals that pid.
# start_state: valgrind adds variables to the environment of each program that it executes.
# start_limits, start_matrix, start_rebirth: valgrind reports a state of its own.
# start_namespaces, start_rlimits: valgrind keeps limits of its own, and mistakes a mount without a type for an error.
# start_modules, start_explain, unit_module: valgrind reports the loader's reads of run paths, which are correct.
# server_%: the same, and the tests wait for spares.
# start_threads: thousands of starts from threads, which valgrind runs one at a time; the thread sanitizer covers them.
UNFIT = fault_% helper_storm start_crash start_family start_state start_limits start_matrix start_modules start_rebirth \
	start_namespaces start_rlimits start_threads server_% start_explain unit_module
VALGRIND_TESTS = $(addprefix $(BUILD)/valgrind/test/,$(filter-out $(UNFIT),$(notdir $(TESTS))))
# No leak check, because a child exits without freeing its arguments. The address sanitizer checks the caller.
valgrind: ## the tests under valgrind
	@tools/need valgrind=valgrind
	$(MAKE) BUILD=$(BUILD)/valgrind CFLAGS="-O1 -g" \
		WRAP="valgrind -q --vgdb=no --trace-children=yes --error-exitcode=99 --leak-check=no \
			--run-libc-freeres=no --suppressions=$(CURDIR)/test/valgrind.supp" \
		WATCHED="$(VALGRIND_TESTS)" watched
coverage: ## line coverage of lib/ by the tests
	$(MAKE) BUILD=$(BUILD)/coverage CFLAGS="-O0 -g --coverage" watched
	@cd $(BUILD)/coverage/lib && gcov -n *.gcda 2>/dev/null | sed -n "/^File '.*lib\//{s/File //;N;p}"

# Runs each fuzzer for FUZZ_SECONDS. The next run continues with the inputs found; FUZZ_KEEP=1 adds them to the tree.
FUZZ_SECONDS ?= 60
FUZZ_KEEP ?=
fuzz: ## the parsers against libFuzzer, each for FUZZ_SECONDS=60; FUZZ_KEEP=1 keeps new inputs
	@tools/need clang=clang
	@CC=clang tools/need libclang-rt-$$(clang -dumpversion | cut -d. -f1)-dev=sanitizer/asan_interface.h
	$(MAKE) BUILD=$(BUILD)/fuzz CC=clang CFLAGS="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
		-fsanitize=fuzzer-no-link,address,undefined" fuzzers
	@test/fuzz/run $(FUZZ_SECONDS) $(BUILD)/fuzz $(FUZZ_KEEP)
fuzzers: $(REPLAYS) $(FUZZED:%=$(BUILD)/test/fuzz/fuzz_%)

# Compares the cost of starts with other libraries. Peers that are not installed are left out.
BENCH ?= start memory libraries throughput arguments join pool service
BENCH_SCALE ?= 1
BENCH_KEEP ?=
BENCHES = $(addprefix $(BUILD)/test/bench/,start start_5 start_30 start_100 peer_static throughput arguments join pool summary)
WAYS = $(addprefix $(BUILD)/test/bench/,ways.o peer.o bench.o)

bench: $(BENCHES) ## start times compared with others; BENCH=memory one measure, BENCH_SCALE=5 longer, BENCH_KEEP=1 for COSTS.md
	@tools/need gnuplot-nox=gnuplot || echo 'left out: the plots'
	@tools/need python3=python3 || echo "left out: CPython's multiprocessing"
	@if tools/need libuv1-dev=uv.h; then $(MAKE) -s $(BUILD)/test/bench/peer_uv; else echo "left out: libuv's uv_spawn"; fi
	@if tools/need pkg-config=pkg-config && CPPFLAGS="$$(pkg-config --cflags glib-2.0 2>/dev/null)" tools/need libglib2.0-dev=glib.h; \
		then $(MAKE) -s $(BUILD)/test/bench/peer_glib; else echo "left out: glib's g_spawn"; fi
	@$(if $(filter start,$(BENCH)),if tools/need musl-tools=musl-gcc; \
		then $(MAKE) -s CC=musl-gcc BUILD=$(BUILD)/musl $(BUILD)/musl/test/bench/peer_static; else echo 'left out: musl'; fi)
	@$(if $(filter service,$(BENCH)),if tools/need libmicrohttpd-dev=microhttpd.h wrk=wrk python3-gunicorn=gunicorn; \
		then $(MAKE) -s $(addprefix $(BUILD)/test/bench/,service peer_prefork) $(BUILD)/examples/centres; else echo 'left out: services'; fi)
	@BENCH="$(BENCH)" BENCH_SCALE=$(BENCH_SCALE) BENCH_KEEP=$(BENCH_KEEP) CC="$(CC)" CFLAGS="$(CFLAGS)" test/bench/run $(BUILD)

$(BUILD)/test/bench/%.o: test/bench/%.c Makefile | $(BUILD)/.need-lib
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<
$(BUILD)/test/bench/peer_glib.o: OWN_CPPFLAGS += $(shell pkg-config --cflags glib-2.0 2>/dev/null)

$(BUILD)/test/bench/summary: $(BUILD)/test/bench/summary.o
	$(LINK) -o $@ $<
$(BUILD)/test/bench/start $(BUILD)/test/bench/throughput $(BUILD)/test/bench/arguments $(BUILD)/test/bench/join: %: %.o $(WAYS) $(STATIC)
	$(LINK) -o $@ $< $(WAYS) $(STATIC) $(LIBS)
$(BUILD)/test/bench/pool: %: %.o $(addprefix $(BUILD)/test/bench/,tasks.o by_hand.o by_pool.o) $(WAYS) $(STATIC)
	$(LINK) -o $@ $(filter %.o,$^) $(STATIC) $(LIBS)
$(BUILD)/test/bench/peer_uv $(BUILD)/test/bench/peer_glib: %: %.o $(BUILD)/test/bench/peer.o $(BUILD)/test/bench/bench.o
	$(LINK) -o $@ $^ $(if $(findstring uv,$@),-luv,$(shell pkg-config --libs glib-2.0))
$(BUILD)/test/bench/peer_static: %: %.o $(WAYS) $(STATIC)
	$(LINK) -static -o $@ $^ $(LIBS)

# Servers of a larger model.
$(BUILD)/test/bench/service $(BUILD)/test/bench/peer_prefork: $(BUILD)/test/bench/ballast.o
$(BUILD)/test/bench/service $(BUILD)/test/bench/peer_prefork: WRAP = -Wl,--wrap=model_load
$(BUILD)/test/bench/peer_prefork: %: %.o examples/service/http.c examples/service/model.c
	$(COMPILE) -o $@ $(filter %.c %.o,$^) $(WRAP) $(LDFLAGS) -lmicrohttpd

# The same program with more libraries; libffi, libc and the loader count as three.
$(BUILD)/test/bench/lib/libbench%.so: test/bench/library.sh
	@mkdir -p $(@D)
	@test/bench/library.sh $* | $(CC) $(CFLAGS) -fPIC -shared -Wl,-soname,$(@F) -x c -o $@ -
SMALL = $(foreach i,$(shell seq $1),$(BUILD)/test/bench/lib/libbench$i.so)
$(BUILD)/test/bench/start_5: $(call SMALL,2)
$(BUILD)/test/bench/start_30: $(call SMALL,27)
$(BUILD)/test/bench/start_100: $(call SMALL,97)
$(BUILD)/test/bench/start_%: $(BUILD)/test/bench/start.o $(WAYS) $(STATIC)
	@$(LINK) -o $@ $(filter %.o,$^) $(STATIC) $(LIBS) -Wl,--no-as-needed $(filter %.so,$^) -Wl,-rpath,$(abspath $(BUILD)/test/bench/lib)

.PHONY: watched
# Valgrind leaves a core file in the current directory for each child that a test crashes
watched: programs
	@WRAP="$(WRAP)" test/run $(WATCHED); code=$$?; rm -f vgcore.*; exit $$code

# A long run with at most a few dozen processes at once.
SOAK_SECONDS ?= 120
SOAK_SEED ?=
SOAK_CALM ?=
soak: $(BUILD)/test/soak $(BUILD)/test/soak_pool ## random starts and kills from threads for SOAK_SECONDS=120; SOAK_SEED=N repeats a run's choices
	SOAK_SECONDS='$(SOAK_SECONDS)' SOAK_SEED='$(SOAK_SEED)' SOAK_CALM='$(SOAK_CALM)' $<
	SOAK_SECONDS='$(SOAK_SECONDS)' $(BUILD)/test/soak_pool

# The tests on other systems

chroot: ## the tests and the packages on Debian 11 and 13; needs root
	@tools/need debootstrap=debootstrap git=git
	@test/chroot/run

# Tests that a kernel may affect, and those that began as a fault on one; VM=full runs all (an hour for each machine).
VM ?=
VM_MACHINES ?= amd64-bullseye amd64-bookworm amd64-trixie arm64-bookworm
VM_TESTS = $(if $(filter full,$(VM)),$(TESTS) $(REPLAYS),$(addprefix $(BUILD)/test/,unit_os unit_fate unit_target unit_state \
	start_exit start_exits start_wait start_state start_threads start_large start_reaped start_limits helper_leaves server_prepare))

vm: all programs ## the tests on Debian's kernels 5.10, 6.1, 6.12 and arm64 under qemu; VM=full for all tests
	@tools/need qemu-system-x86=qemu-system-x86_64 qemu-system-arm=qemu-system-aarch64 busybox-static=busybox cpio=cpio \
		kmod=depmod gcc-aarch64-linux-gnu=aarch64-linux-gnu-gcc g++-aarch64-linux-gnu=aarch64-linux-gnu-g++
	@code=0; for machine in $(VM_MACHINES); do test/vm/run $${machine%-*} $${machine#*-} $(VM_TESTS) || code=1; done; exit $$code

lint: all | $(BUILD)/.need-test ## warnings as errors, static analysis, layout, manuals, prose, scripts
	@tools/need cppcheck=cppcheck clang=clang clang-format=clang-format shellcheck=shellcheck
	@test/lint

# Installation: one list for install and uninstall

FILES = $(addprefix $(DESTDIR)$(INCLUDEDIR)/,beget.h beget.hpp beget/call.h beget/pool.h beget/service.h) $(DESTDIR)$(LIBDIR)/libbeget.a \
	$(DESTDIR)$(LIBDIR)/libbeget.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME) $(DESTDIR)$(LIBDIR)/libbeget.so \
	$(DESTDIR)$(LIBDIR)/pkgconfig/beget.pc $(DESTDIR)$(LIBEXECDIR)/beget-host \
	$(patsubst $(BUILD)/%,$(DESTDIR)$(LIBDIR)/cmake/beget/%,$(filter %.cmake,$(FINDERS)))
INSTALLED_PAGES = $(foreach page,$(PAGES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))

install: all ## library, headers and manual, under DESTDIR and PREFIX
	install -d $(sort $(dir $(FILES) $(INSTALLED_PAGES)))
	install -m 644 include/beget.h include/beget.hpp $(DESTDIR)$(INCLUDEDIR)
	install -m 644 include/beget/call.h include/beget/pool.h include/beget/service.h $(DESTDIR)$(INCLUDEDIR)/beget
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)
	install -m 755 $(HOST) $(DESTDIR)$(LIBEXECDIR)
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libbeget.so
	install -m 644 $(BUILD)/beget.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 $(filter %.cmake,$(FINDERS)) $(DESTDIR)$(LIBDIR)/cmake/beget
	$(foreach page,$(INSTALLED_PAGES),install -m 644 man/$(notdir $(page)) $(page) &&) true
	tools/manlinks install $(DESTDIR)$(MANDIR) $(PAGES)

uninstall: ## remove everything that install installed
	tools/manlinks uninstall $(DESTDIR)$(MANDIR) $(PAGES)
	rm -f $(FILES) $(INSTALLED_PAGES)
	-rmdir $(DESTDIR)$(INCLUDEDIR)/beget $(DESTDIR)$(LIBDIR)/cmake/beget

docs: ## the manual as HTML, with the plots, in build/docs
	@tools/need mandoc=mandoc
	tools/docs $(BUILD)/docs $(VERSION) $(PAGES)

# The archive has the same bytes for the same commit, whatever the user's settings are.
dist: ## a source archive of the last commit
	@mkdir -p $(BUILD)
	git -c core.autocrlf=false -c tar.umask=0022 archive --prefix=beget-$(VERSION)/ HEAD | gzip -9n > $(BUILD)/beget-$(VERSION).tar.gz

DEB = $(BUILD)/deb/beget-$(VERSION)
deb: dist ## Debian packages of the last commit, checked by lintian, in build/deb
	@tools/need build-essential=dpkg-buildpackage debhelper=dh lintian=lintian
	rm -rf $(BUILD)/deb
	mkdir $(BUILD)/deb
	tar -xzf $(BUILD)/beget-$(VERSION).tar.gz -C $(BUILD)/deb
	cd $(DEB) && env -u BUILD -u CC -u CXX -u MAKEFLAGS DEB_BUILD_PROFILES=nocheck DEB_BUILD_OPTIONS="nocheck parallel=$$(nproc)" dpkg-buildpackage -us -uc
	rm -rf $(DEB)
	lintian --fail-on error,warning --suppress-tags newer-standards-version $(BUILD)/deb/*.changes

clean: ## remove everything that was built
	rm -rf $(BUILD)

-include $(shell find $(addprefix $(BUILD)/,lib examples test) -name '*.d' 2>/dev/null)
