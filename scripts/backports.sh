# shellcheck shell=bash disable=SC2034,SC2154 # the variables are those of install-packages.sh, which reads this file
# Packages from the backports of this release, through lists and pins that only install-packages.sh's apt sees ($private).

pins=$private/preferences/backports.pref
pin() { printf 'Package: %s\nPin: release n=%s\nPin-Priority: 990\n\n' "$1" "$backports" >>"$pins"; }

# The backports of this release, through lists that only this command sees. Where a package of theirs is here already, all
# of the same source must come from there too: they ask for one another's very version. The rest comes from the release.
look_at_backports() {
    local ID VERSION_CODENAME mirror sources preferences source
    # shellcheck source=/dev/null
    . /etc/os-release
    # shellcheck disable=SC2016 # the format is apt's
    mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Identifier: Packages' |
        sed -n "s/^${VERSION_CODENAME:?} //p" | head -n 1)
    [ -n "$mirror" ] || return 1
    backports=$VERSION_CODENAME-backports
    mkdir -p "$private/sources" "$private/preferences" "$private/lists/partial"
    chmod 755 "$private"
    eval "$(apt-config shell sources Dir::Etc::SourceParts/d preferences Dir::Etc::PreferencesParts/d)"
    cp -r "$sources/." "$private/sources"
    cp -r "$preferences/." "$private/preferences"
    : >"$pins"
    echo "deb [signed-by=/usr/share/keyrings/$ID-archive-keyring.gpg] $mirror $backports main" >"$private/sources/backports.list"
    # shellcheck disable=SC2016 # the format is dpkg's
    for source in $(dpkg-query --show --showformat '${Version} ${source:Package}\n' | sed -n 's/^[^ ]*~bpo[^ ]* //p' | sort -u); do
        pin "src:$source"
    done
    options=(-o "Dir::Etc::SourceParts=$private/sources" -o "Dir::Etc::PreferencesParts=$private/preferences"
        -o "Dir::State::Lists=$private/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
    apt-get "${options[@]}" -qq update
}

# Takes the backport of whatever apt names as not to be had otherwise, one round after the other, until the package fits.
fit() {
    local names name known
    cp "$pins" "$pins.before"
    until simulate "${chosen[@]}" "$1"; do
        names=$(sed -nE 's/.*Depends: ([^ ]+) \(.*/\1/p' <<<"$simulated" | sort -u)
        known=$(wc -l <"$pins")
        for name in $names; do grep -qx "Package: $name" "$pins" || pin "$name"; done
        [ "$known" != "$(wc -l <"$pins")" ] || { mv "$pins.before" "$pins"; return 1; }
    done
}
