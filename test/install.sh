#!/bin/sh
# An installed copy is sufficient: a program written from the manual builds against it, statically and dynamically, runs
# with each method, and the manual is found under every function's name. Uninstalling removes everything.
# Speaks TAP. Run from the project's root. Environment: BUILD, CC, MAKE.
. test/tap
root=$tmp/root

# Uses a copy of the build folder, because another prefix changes what is built.
copy=$tmp/build
mkdir "$copy" && cp -a "$BUILD/lib" "$BUILD"/libbeget* "$BUILD/.need-lib" "$copy"
make_in_copy() {
	MAKEFLAGS='' ${MAKE:-make} -s BUILD="$copy" CC="$CC" DESTDIR="$root" "$@" >"$tmp/out" 2>&1
}
installed() {
	find "$root" ! -type d | sed "s|^$root||" | sort
}

make_in_copy PREFIX=/first/place all
report "make" $?
make_in_copy PREFIX=/usr install
report "make install with another prefix" $?
{
	grep -qx "prefix=/usr" "$root/usr/lib/pkgconfig/beget.pc" || cat "$root/usr/lib/pkgconfig/beget.pc"
	grep -lr /first/place "$root"
} >"$tmp/out"
none "nothing that was installed names the first prefix"

installed >"$tmp/files"
for file in include/beget.h include/beget.hpp include/beget/call.h include/beget/pool.h include/beget/service.h lib/libbeget.a lib/libbeget.so \
	lib/libbeget.so.0 lib/pkgconfig/beget.pc lib/cmake/beget/beget-config.cmake libexec/beget-host \
	share/man/man3/beget.3 share/man/man7/beget.7 share/man/man8/beget-host.8; do
	grep -qx "/usr/$file" "$tmp/files" || echo "no $file"
done >"$tmp/out"
none "headers, libraries, host program, pkg-config file and manual are there"

[ "$(readlink "$root/usr/lib/libbeget.so")" = libbeget.so.0 ] && [ -f "$root/usr/lib/libbeget.so" ]
report "libbeget.so leads to the library" $?

# In a folder without the sources.
mkdir "$tmp/elsewhere"
cp -r test/consumer "$tmp/elsewhere/source"

# The name, and what the program was linked with.
runs() {
	for method in forkserver spawn fork; do
		if [ -x "$tmp/elsewhere/program" ]; then
			(cd "$tmp/elsewhere" && LD_LIBRARY_PATH=$root/usr/lib timeout 60 ./program) >"$tmp/out" 2>&1
		else
			echo "it was not built" >"$tmp/out"
		fi
		grep -qx "$method 5058" "$tmp/out"
		report "$1: by $method" $?
	done
}

build() {
	name=$1
	shift
	rm -f "$tmp/elsewhere/program"
	# CC and CFLAGS may be several words.
	# shellcheck disable=SC2086
	(cd "$tmp/elsewhere" && $CC -Wall -Wextra -Werror ${CFLAGS-} source/program.c "$@" -o program) >"$tmp/out" 2>&1
	report "$name: builds" $?
	runs "$name"
}

build "dynamic" -I"$root/usr/include" -L"$root/usr/lib" -lbeget
readelf -d "$tmp/elsewhere/program" 2>/dev/null | grep -q 'NEEDED.*libbeget\.so\.0'
report "dynamic: needs libbeget.so.0" $?
build "static library" -I"$root/usr/include" "$root/usr/lib/libbeget.a" -lffi -ldl -pthread
if printf 'int main(void){return 0;}' | $CC -x c - -static -lffi -o "$tmp/elsewhere/empty" 2>/dev/null; then
	build "static program" -I"$root/usr/include" -static "$root/usr/lib/libbeget.a" -lffi -ldl -pthread
else
	skip "static program: builds" "no static libc or libffi"
fi

if command -v pkg-config >/dev/null 2>&1; then
	pc() {
		PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR="$root/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" \
			PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 pkg-config "$@" beget
	}
	# Its output is several words.
	# shellcheck disable=SC2046
	build "pkg-config" $(pc --cflags --libs)
	case $(pc --libs --static) in
	*-lffi*) true ;;
	*) false ;;
	esac
	report "pkg-config --static names libffi" $?
	[ "$(pc --modversion)" = "$(sed -n 's/^#define BEGET_VERSION "\(.*\)"/\1/p' include/beget.h)" ]
	report "pkg-config knows the version" $?
else
	skip "pkg-config" "it is not installed"
fi

if command -v cmake >/dev/null 2>&1; then
	with_cmake() {
		cmake -S "$tmp/elsewhere/source" -B "$tmp/elsewhere/$1" -DCMAKE_PREFIX_PATH="$root/usr" -DWANTED="$1" >"$tmp/out" 2>&1
	}
	version=$(sed -n 's/^VERSION = //p' Makefile)
	with_cmake "$version" && cmake --build "$tmp/elsewhere/$version" >"$tmp/out" 2>&1
	report "CMake: builds" $?
	for target in dynamic static; do
		cp "$tmp/elsewhere/$version/$target" "$tmp/elsewhere/program"
		runs "CMake, $target"
	done
	for other in 0.0 0.99 1.0; do
		! with_cmake $other && grep -q 'with requested version' "$tmp/out"
		report "CMake refuses version $other" $?
	done
else
	skip "CMake" "it is not installed"
fi

if with_musl || ! command -v meson >/dev/null 2>&1; then
	skip "Meson" "it is not installed, or has no pkg-config for musl"
else
	# The name, and an option that chooses between the installed library and the subproject.
	with_meson() {
		PKG_CONFIG_LIBDIR=$root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
			meson setup "$2" "$tmp/elsewhere/$1" "$tmp/elsewhere/source" >"$tmp/out" 2>&1 &&
			env -u MAKEFLAGS ninja -C "$tmp/elsewhere/$1" >"$tmp/out" 2>&1
		report "Meson, $1: builds" $?
		for target in dynamic static; do
			cp "$tmp/elsewhere/$1/$target" "$tmp/elsewhere/program"
			runs "Meson, $1, $target"
		done
	}
	with_meson installed --wrap-mode=nofallback
	mkdir "$tmp/elsewhere/source/subprojects/beget"
	cp -r Makefile meson.build include lib tools man "$tmp/elsewhere/source/subprojects/beget"
	with_meson subproject --wrap-mode=forcefallback
fi

# Each function and macro in the headers has a page under its own name, and that page lists it.
names=$(sed -n 's/^[a-z].*[ *]\(beget_[a-z_]*\)(.*/\1/p' include/beget.h include/beget/pool.h include/beget/service.h
	sed -n 's/^#define \(BEGET_CALL\|BEGET_OPTIONS\|BEGET_BYTES\|BEGET_FD\|beget_result\)(.*/\1/p' include/beget/call.h
	sed -n 's/^#define \(BEGET_[A-Z_]*_OPTIONS\|beget_task_result\)(.*/\1/p' include/beget/pool.h include/beget/service.h)
if command -v mandoc >/dev/null 2>&1; then
	found=0
	: >"$tmp/missing"
	for name in $names; do
		page=$root/usr/share/man/man3/$name.3
		found=$((found + 1))
		# The link pages are relative to the root of the manual, as man(1) reads them.
		(cd "$root/usr/share/man" && mandoc -Tascii "$page") 2>/dev/null |
			sed "s/.$(printf '\b')//g" >"$tmp/page"
		sed -n '/^NAME/,/^LIBRARY/p' "$tmp/page" | tr ',' ' ' | grep -qw "$name" || echo "$name" >>"$tmp/missing"
	done
	cp "$tmp/missing" "$tmp/out"
	[ "$found" -gt 15 ] && ! [ -s "$tmp/missing" ]
	report "$found names lead to a page that has them" $?
else
	skip "names lead to a page that has them" "no mandoc"
fi
if man --version 2>/dev/null | grep -q '^man '; then
	MANPAGER='cat' man -M "$root/usr/share/man" 3 beget_join >"$tmp/out" 2>&1 && grep -q beget_wait "$tmp/out"
	report "man beget_join" $?
else
	skip "man beget_join" "no man"
fi

make_in_copy PREFIX=/usr uninstall && installed >"$tmp/out" && ! [ -s "$tmp/out" ]
report "make uninstall leaves no file behind" $?

# A package manager that only records its arguments. The compiler that the build needs is missing.
mkdir "$tmp/bin"
printf '#!/bin/sh\necho "$@" >>"%s"\n' "$tmp/asked" >"$tmp/bin/apt-get"
cp "$tmp/bin/apt-get" "$tmp/bin/sudo"
chmod 755 "$tmp/bin/apt-get" "$tmp/bin/sudo"
without_compiler() {
	rm -rf "$tmp/asked" "$tmp/empty"
	! env -u INSTALL_PACKAGES MAKEFLAGS='' PATH="$tmp/bin:$PATH" "${MAKE:-make}" -s BUILD="$tmp/empty" CC=no-such-gcc \
		DESTDIR="$root" "$1" >"$tmp/out" 2>&1
}
for target in all install; do
	without_compiler $target && grep -q '^install them with: .*apt-get install .* gcc' "$tmp/out" && ! [ -e "$tmp/asked" ]
	report "make $target prints the command that installs what is missing" $?
done
for target in demo test; do
	without_compiler $target && grep -q 'install .* gcc' "$tmp/asked"
	report "make $target installs what is missing" $?
done

finish
