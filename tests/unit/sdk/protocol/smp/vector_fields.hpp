// What the tests of this folder read from vectors of SMP.
#pragma once

#include "vectors.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/writer.hpp"
#include "plexus/smp/types.hpp"

#include <gtest/gtest.h>

namespace plexus::smp::test {

using boost::json::object;
using plexus::test::hex;
using plexus::test::hex_field;
using plexus::test::int_field;
using plexus::test::is_null;
using plexus::test::text_field;
using plexus::test::unhex;
using plexus::test::vectors;

inline const object& member(const object& from, std::string_view name) { return from.at(name).as_object(); }

/// The vectors of a kind in all files of transmissions: versions 6 to 17, 18, and 18 to 20.
inline std::vector<object> of_every_version(std::string_view kind) {
    std::vector<object> out;
    for (const auto* file :
         {"smp_transmissions.json", "smp_transmissions_v18.json", "smp_transmissions_v20.json"})
        for (auto& each : vectors(file, kind)) out.push_back(std::move(each));
    return out;
}

/// Bytes for the views of a command under test; they live as long as the keeper.
class keeper {
  public:
    bytes_view hex(const object& from, std::string_view name) {
        kept_.push_back(std::make_unique<bytes>(hex_field(from, name)));
        return *kept_.back();
    }
    std::optional<bytes_view> maybe_hex(const object& from, std::string_view name) {
        if (is_null(from, name)) return std::nullopt;
        return hex(from, name);
    }
    std::optional<bytes_view> maybe_text(const object& from, std::string_view name) {
        if (is_null(from, name)) return std::nullopt;
        kept_.push_back(std::make_unique<bytes>(to_bytes(text_field(from, name))));
        return *kept_.back();
    }
    bytes_view keep(bytes value) {
        kept_.push_back(std::make_unique<bytes>(std::move(value)));
        return *kept_.back();
    }
    link_data link(const object& from, std::string_view name) {
        const auto& data = member(from, name);
        return {hex(data, "fixed"), hex(data, "user")};
    }

  private:
    std::vector<std::unique_ptr<bytes>> kept_;
};

inline crypto::public_key key_field(const object& from, std::string_view name) {
    return crypto::public_key::from_spki(hex_field(from, name)).value();
}
/// Below version 19 there is no hash, and commands have no count either.
inline service_queues service_queues_of(const object& from) {
    service_queues out{is_null(from, "count") ? -1 : int_field(from, "count"), {}};
    if (!is_null(from, "idsHash")) {
        const auto hash = hex_field(from, "idsHash");
        std::copy(hash.begin(), hash.end(), out.hash.begin());
    }
    return out;
}
inline crypto::private_key x25519(const object& from, std::string_view name) {
    return crypto::private_key::from_raw(crypto::key_type::x25519, hex_field(from, name)).value();
}

/// `enc`: what each version's bytes are.
struct encoding_of {
    version v;
    bytes data;
};
inline std::vector<encoding_of> encodings(const object& vector) {
    std::vector<encoding_of> out;
    for (const auto& each : vector.at("enc").as_array())
        for (const auto& v : each.at("versions").as_array())
            out.push_back({v.to_number<version>(), unhex(std::string_view(each.at("bytes").as_string()))});
    return out;
}

template <typename T>
bytes written(const T& value, version v) {
    bytes out;
    encoding::writer writer(out);
    write(writer, value, v);
    return out;
}

/// Repeatable, and without a short period.
class counting_random : public crypto::random_source {
  public:
    void fill(bytes_span out) override {
        for (auto& byte : out) {
            state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
            byte = static_cast<std::uint8_t>(state_ >> 56);
        }
    }

  private:
    std::uint64_t state_ = 1;
};

} // namespace plexus::smp::test
