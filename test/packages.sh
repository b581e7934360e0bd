#!/bin/sh
# Release files: the source archive has the same bytes each time, and the Debian packages are clean and complete.
# Speaks TAP. Run from the project's root. Environment: BUILD, CC, MAKE.
. test/tap
version=$(sed -n 's/^VERSION = //p' Makefile)

sed -n '1s/^beget (\(.*\)) .*/\1/p' debian/changelog >"$tmp/out"
same "debian/changelog has the Makefile's version" "$version"

git rev-parse --git-dir >/dev/null 2>&1 || {
	skip "archive and packages" "they are made of a commit, and this is no git repository"
	finish
}

# The same commit in two folders, as users with different settings.
for place in one two; do
	git clone -q . "$tmp/$place"
done
make_in() {
	place=$1
	shift
	(cd "$tmp/$place" && MAKEFLAGS='' BUILD=build "${MAKE:-make}" -s "$@") >"$tmp/out" 2>&1
}
git -C "$tmp/two" config core.autocrlf true
git -C "$tmp/two" config tar.umask 0077
make_in one dist && (umask 077 && make_in two dist) &&
	cmp "$tmp/one/build/beget-$version.tar.gz" "$tmp/two/build/beget-$version.tar.gz" >"$tmp/out"
report "make dist makes the same bytes each time" $?

for tool in dpkg-buildpackage dh lintian; do
	command -v $tool >/dev/null 2>&1 || {
		skip "make deb" "$tool is not installed"
		finish
	}
done
make_in one deb
report "make deb, and lintian has nothing to say" $?
git -C "$tmp/one" status --porcelain >"$tmp/out" 2>&1
none "make deb leaves nothing in the tree"

for package in libbeget0 libbeget-dev beget-doc; do
	dpkg-deb -x "$tmp/one/build/deb/${package}_$version"_*.deb "$tmp/$package" && cp -a "$tmp/$package/." "$tmp/root"
done >"$tmp/out" 2>&1
lib=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
for file in libbeget0/$lib/libbeget.so.0 libbeget0/$lib/beget0/beget-host libbeget-dev/$lib/libbeget.a \
	libbeget-dev/$lib/libbeget.so libbeget-dev/$lib/cmake/beget/beget-config.cmake libbeget-dev/usr/include/beget.h \
	beget-doc/usr/share/man/man3/beget_join.3.gz; do
	[ -h "$tmp/$file" ] || [ -e "$tmp/$file" ] || echo "no $file"
done >"$tmp/out"
none "the files are in their packages"

# The library contains the path at which the package installs the host program.
grep -q "/$lib/beget0/beget-host" "$tmp/libbeget0/$lib/libbeget.so.0"
report "the library finds its host program" $?

finish
