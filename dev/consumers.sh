#!/bin/sh
# Makes the tools that read our results, for dev/consumers.py, below one folder: venv/ (python/requirements/consumers.in), bin/ with
# vcfanno, SnpSift and gatk. vcfanno and SnpSift come from Debian's packages, unpacked and not installed; GATK (400 MB) from Maven
# Central. What cannot be had is named and left out.
set -eu
cd "$(dirname "$0")/.."
FOLDER=${1:-.gfmtrust/consumers}
DEBIAN='vcfanno libsnpsift-java libsnpeff-java libcommons-math3-java libhtsjdk-java libtrove3-java libantlr4-runtime-java
    libcommons-compress-java libcommons-jexl2-java libmjson-java libcommons-lang3-java libcommons-io-java libcommons-codec-java
    libcommons-logging-java libsnappy-java libgoogle-gson-java libfreemarker-java libbiojava6-java libcharts4j-java libcommons-cli-java
    libapfloat-java libjackson2-core-java libguava-java libxz-java'

say() { printf 'consumers: %s\n' "$*"; }

# a launcher in bin/: name, folder of jars, main class
launcher() {
    printf '#!/bin/sh\nexec java -Xmx1g -cp "%s/*" %s "$@"\n' "$2" "$3" > "$FOLDER/bin/$1"
    chmod +x "$FOLDER/bin/$1"
}

python_tools() {
    [ -x "$FOLDER/venv/bin/pip" ] || "${PYTHON:-python3}" -m venv "$FOLDER/venv"
    "$FOLDER/venv/bin/pip" install --quiet --only-binary :all: -r python/requirements/consumers.in
}

debian_tools() {
    mkdir -p "$FOLDER/debian/root"
    # shellcheck disable=SC2086
    (cd "$FOLDER/debian" && apt-get download $DEBIAN && for package in *.deb; do dpkg -x "$package" root; done) || return 1
    cp "$FOLDER/debian/root/usr/bin/vcfanno" "$FOLDER/bin/vcfanno"
    launcher SnpSift "$FOLDER/debian/root/usr/share/java" org.snpsift.SnpSift
}

gatk() {
    mkdir -p "$FOLDER/gatk"
    mvn -q -B -f dev/consumers_pom.xml dependency:copy-dependencies -DoutputDirectory="$FOLDER/gatk"
    launcher gatk "$FOLDER/gatk" org.broadinstitute.hellbender.Main
}

mkdir -p "$FOLDER/bin"
FOLDER=$(cd "$FOLDER" && pwd)
for step in python_tools debian_tools gatk; do
    if "$step" > "$FOLDER/$step.log" 2>&1; then say "$step: done"; else say "$step: could not be had, see $FOLDER/$step.log"; fi
done
say "next: python dev/consumers.py --tools $FOLDER"
