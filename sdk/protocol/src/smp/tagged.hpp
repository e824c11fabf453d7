// Commands and messages are variants that are written alike: a word, and after a space the members of the
// alternative, if the version has any. A codec knows the words and each alternative's members:
//   words                          one for each alternative, in the order of the variant
//   has_fields(const T&, version)
//   read(reader&, T&, version), write(writer&, const T&, version)
#pragma once

#include "fields.hpp"

namespace plexus::smp {

template <typename Variant, typename Codec>
result<Variant> parse_tagged(bytes_view data, version v, const char* kind) {
    static_assert(std::size(Codec::words) == std::variant_size_v<Variant>);
    encoding::reader in(data);
    const auto word = in.word();
    const auto* found = std::find(std::begin(Codec::words), std::end(Codec::words), word);
    if (found == std::end(Codec::words))
        return make_error(failure::unknown_tag,
                          std::string("no such SMP ") + kind + ": " + std::string(word.substr(0, 16)));
    const auto index = static_cast<std::size_t>(found - std::begin(Codec::words));
    Variant out;
    const auto read = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
        if (I != index) return;
        auto& fields = out.template emplace<I>();
        if (!Codec::has_fields(fields, v)) return;
        in.expect(" ");
        if constexpr (!std::is_empty_v<std::variant_alternative_t<I, Variant>>) Codec::read(in, fields, v);
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (read(std::integral_constant<std::size_t, I>()), ...);
    }
    (std::make_index_sequence<std::variant_size_v<Variant>>());
    if (!in.done())
        return make_error(failure::syntax,
                          std::string("wrong parameters of the SMP ") + kind + " " + std::string(word));
    return out;
}

template <typename Codec, typename Variant>
void write_tagged(encoding::writer& out, const Variant& value, version v) {
    out.raw(Codec::words[value.index()]);
    std::visit(
        [&](const auto& fields) {
            if (!Codec::has_fields(fields, v)) return;
            out.character(' ');
            if constexpr (!std::is_empty_v<std::decay_t<decltype(fields)>>) Codec::write(out, fields, v);
        },
        value);
}

} // namespace plexus::smp
