# cython: language_level=3
"""The trailer of the delivered file, which says where in it the bundle lies.

The delivered file is  [front ELF][bundle][trailer].  The bundle is a gzip'ed ustar archive (see unpack.pxd) of a
PyInstaller one-folder program named `greppy`; `tail -c +$((offset + 1)) greppy | head -c $packed | tar xz` unpacks it
by hand. The trailer is the last 64 bytes, little-endian:

    at  size  what                                              example (a bundle of 8,388,608 bytes at 851,968)
     0     8  magic "GREPPYRT"                                  47 52 45 50 50 59 52 54
     8     4  version of this layout, 1                         01 00 00 00
    12     4  flags, none defined: 0                            00 00 00 00
    16     8  where the bundle starts in the file               00 00 0d 00 00 00 00 00
    24     8  packed size of the bundle in bytes                00 00 80 00 00 00 00 00
    32     8  unpacked size: bytes of the tar archive           00 00 80 01 00 00 00 00
    40    16  build id: SHA-256 of the tar archive, cut         3f 9a 11 c0 5e 72 88 04 d6 2b 90 aa 17 fe 43 6c
    56     8  checksum of the bundle and bytes 0-55 above:      b1 22 07 9d 5c e4 31 f8
              CRC-32 in the low half, Adler-32 in the high half (here 9d0722b1 and f831e45c)

As text the build id is its 32 hexadecimal digits.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp
from posix.stat cimport fstat, struct_stat

from _core.sys cimport pread_all
from _core.unpack cimport adler32, crc32


cdef enum:
    TRAILER = 64
    TRAILER_SUMMED = 56  # the bytes of the trailer that its checksum covers
    TRAILER_VERSION = 1
    ID_BYTES = 16
    ID_DIGITS = 32

cdef enum:
    TRAILER_NONE = 0
    TRAILER_FOUND = 1
    TRAILER_BROKEN = 2


cdef struct Trailer:
    uint8_t[TRAILER] raw
    uint64_t offset
    uint64_t packed
    uint64_t unpacked
    uint64_t checksum
    char[ID_DIGITS + 1] build_id


cdef inline uint32_t le32(const uint8_t* p) noexcept nogil:
    return p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24


cdef inline uint64_t le64(const uint8_t* p) noexcept nogil:
    return le32(p) | <uint64_t>le32(p + 4) << 32


cdef inline void hex_digits(const uint8_t* bytes, int n, char* out) noexcept nogil:
    """2 x `n` lower-case digits and a NUL."""
    cdef const char* digits = b"0123456789abcdef"
    cdef int i
    for i in range(n):
        out[2 * i] = digits[bytes[i] >> 4]
        out[2 * i + 1] = digits[bytes[i] & 15]
    out[2 * n] = 0


cdef inline bint is_build_id(const char* name) noexcept nogil:
    """Whether `name` starts with 32 lower-case hexadecimal digits."""
    cdef int i
    for i in range(ID_DIGITS):
        if not (48 <= name[i] <= 57 or 97 <= name[i] <= 102):
            return False
    return True


cdef inline uint64_t elf_size(int fd) noexcept nogil:
    """Where a 64-bit little-endian ELF file ends: behind the table of sections, which linkers put last. 0: not ELF."""
    cdef uint8_t[64] h
    if not pread_all(fd, h, 64, 0) or memcmp(h, b"\x7fELF\x02\x01", 6) != 0:
        return 0
    # e_shoff is at 40, e_shentsize at 58, e_shnum at 60
    return le64(h + 40) + (le32(h + 56) >> 16) * <uint64_t>(le32(h + 60) & 0xFFFF)


cdef inline int trailer_read(int fd, Trailer* t) noexcept nogil:
    """The trailer of the open executable, checked against the file's size: TRAILER_*."""
    cdef struct_stat st
    cdef uint64_t size
    if fstat(fd, &st) != 0 or st.st_size < TRAILER:
        return TRAILER_NONE
    size = st.st_size
    if not pread_all(fd, t.raw, TRAILER, size - TRAILER):
        return TRAILER_NONE
    if memcmp(t.raw, b"GREPPYRT", 8) != 0:
        # More than the executable itself, yet no trailer at the end: the file was cut short.
        return TRAILER_BROKEN if size > elf_size(fd) > 0 else TRAILER_NONE
    t.offset = le64(t.raw + 16)
    t.packed = le64(t.raw + 24)
    t.unpacked = le64(t.raw + 32)
    t.checksum = le64(t.raw + 56)
    hex_digits(t.raw + 40, ID_BYTES, t.build_id)
    if le32(t.raw + 8) != TRAILER_VERSION or t.packed >= size or t.offset != size - TRAILER - t.packed:
        return TRAILER_BROKEN
    return TRAILER_FOUND


cdef inline uint64_t trailer_checksum(const Trailer* t, uint32_t crc, uint32_t adler) noexcept nogil:
    """What the checksum field must be, from the sums of the bundle's bytes."""
    crc = <uint32_t>crc32(crc, t.raw, TRAILER_SUMMED)
    adler = <uint32_t>adler32(adler, t.raw, TRAILER_SUMMED)
    return <uint64_t>adler << 32 | crc
