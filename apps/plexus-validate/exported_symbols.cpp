#include "exported_symbols.hpp"

#include "plexus/abi.hpp"

#include <algorithm>
#include <elf.h>
#include <fstream>
#include <iterator>

namespace plexus::validate {
namespace {

/// A struct at an offset of the file, if it lies inside.
template <typename T>
bool read_at(bytes_view file, std::uint64_t offset, T& out) {
    if (offset > file.size() || sizeof(T) > file.size() - offset) return false;
    std::memcpy(&out, file.data() + offset, sizeof(T));
    return true;
}

std::string text_at(bytes_view file, std::uint64_t offset) {
    std::string out;
    for (; offset < file.size() && file[offset] != 0; ++offset) out += static_cast<char>(file[offset]);
    return out;
}

} // namespace

result<std::vector<std::string>> exported_symbols(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    const bytes content(std::istreambuf_iterator<char>(in), {});
    const auto broken = [&](const char* what) {
        return make_error(status::invalid, file.string() + " is no shared library: " + what);
    };
    Elf64_Ehdr head{};
    if (!read_at(content, 0, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return broken("it does not begin as ELF does");
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_type != ET_DYN) return broken("it is no 64-bit one");

    std::vector<std::string> out;
    for (unsigned i = 0; i < head.e_shnum; ++i) {
        Elf64_Shdr section{};
        if (!read_at(content, head.e_shoff + std::uint64_t(i) * head.e_shentsize, section))
            return broken("it is cut short");
        if (section.sh_type != SHT_DYNSYM) continue;
        Elf64_Shdr names{};
        if (!read_at(content, head.e_shoff + std::uint64_t(section.sh_link) * head.e_shentsize, names))
            return broken("it is cut short");
        for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= section.sh_size; at += sizeof(Elf64_Sym)) {
            Elf64_Sym symbol{};
            if (!read_at(content, section.sh_offset + at, symbol)) return broken("it is cut short");
            if (symbol.st_shndx == SHN_UNDEF || symbol.st_name == 0) continue;
            if (ELF64_ST_TYPE(symbol.st_info) == STT_SECTION || symbol.st_shndx == SHN_ABS) continue;
            out.push_back(text_at(content, names.sh_offset + symbol.st_name));
        }
    }
    std::sort(out.begin(), out.end());
    return out;
}

} // namespace plexus::validate
