#include "plexus/smp/transmission.hpp"

#include "plexus/smp/authorization.hpp"
#include "plexus/smp/command.hpp"
#include "plexus/smp/message.hpp"
#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

std::optional<crypto::private_key> key_of(const object& vector) {
    if (is_null(vector, "key")) return std::nullopt;
    const auto& key = member(vector, "key");
    const auto alg = text_field(key, "alg");
    const auto type = alg == "ed25519" ? crypto::key_type::ed25519
                      : alg == "ed448" ? crypto::key_type::ed448
                                       : crypto::key_type::x25519;
    return crypto::private_key::from_raw(type, hex_field(key, "priv")).value();
}

bytes service_signature(const object& vector) {
    return is_null(vector, "serviceSig") ? bytes{} : hex_field(vector, "serviceSig");
}

/// What the queue's key authorizes: in a service session the certificate's hash stands in front.
bytes authorized_by_queue(const object& vector) {
    auto out = hex_field(vector, "authorized");
    if (service_signature(vector).empty()) return out;
    const auto hash = hex_field(member(vector, "service"), "certHash");
    return concat({hash, out});
}

TEST(transmission, every_vector_is_made_again) {
    for (const auto& vector : of_every_version("transmission")) {
        const auto v = static_cast<version>(int_field(vector, "version"));
        const auto session_id = hex_field(vector, "sessionId");
        const auto correlation = hex_field(vector, "corrId");
        const auto key = key_of(vector);
        SCOPED_TRACE("version " + std::to_string(v) + (key ? crypto::to_text(key->type()) : " without key"));
        bytes authorized;
        encoding::writer authorized_writer(authorized);
        write_for_authorization(authorized_writer, session_id, correlation, hex_field(vector, "entityId"),
                                hex_field(vector, "command"));
        EXPECT_EQ(hex(authorized), text_field(vector, "authorized"));
        const auto sent = bytes_view(authorized).subspan(sent_offset(v, session_id));
        EXPECT_EQ(hex(sent), text_field(vector, "toSend"));

        bytes authorization;
        const auto server_key =
            crypto::public_key::from_raw(crypto::key_type::x25519, hex_field(vector, "srvPubDh"));
        if (key)
            authorization = authorize(*key, *server_key, correlation, authorized_by_queue(vector)).value();
        EXPECT_EQ(hex(authorization), text_field(vector, "auth"));
        bytes service;
        if (!is_null(vector, "serviceSig")) {
            const auto service_key = crypto::private_key::from_raw(
                crypto::key_type::ed25519, hex_field(member(vector, "service"), "sessionKeyPriv"));
            service = to_bytes(crypto::sign(*service_key, authorized).view());
            EXPECT_EQ(hex(service), text_field(vector, "serviceSig"));
        }
        bytes out;
        encoding::writer writer(out);
        write_authorized(writer, v, authorization, service, sent);
        EXPECT_EQ(hex(out), text_field(vector, "transmission"));
        bytes content{1};
        encoding::writer(content).large_bytes(out);
        EXPECT_EQ(hex(content), text_field(vector, "blockContent"));
    }
}

TEST(transmission, every_vector_is_read_and_verified) {
    for (const auto& vector : of_every_version("transmission")) {
        const auto v = static_cast<version>(int_field(vector, "version"));
        const auto content = hex_field(vector, "blockContent");
        auto batch = batch_reader::open(content);
        ASSERT_TRUE(batch);
        ASSERT_EQ(batch->left(), 1U);
        const auto read = parse_transmission(batch->next(), v);
        ASSERT_TRUE(read);
        EXPECT_EQ(hex(read->authorization), text_field(vector, "auth"));
        EXPECT_EQ(hex(read->service_signature), hex(service_signature(vector)));
        EXPECT_EQ(hex(read->correlation_id), text_field(vector, "corrId"));
        EXPECT_EQ(hex(read->entity_id), text_field(vector, "entityId"));
        EXPECT_EQ(hex(read->body), text_field(vector, "command"));
        EXPECT_EQ(hex(read->sent), text_field(vector, "toSend"));
        EXPECT_EQ(hex(read->session_id), v == 6 ? text_field(vector, "sessionId") : "");
        EXPECT_TRUE(parse_command(read->body, v));
        EXPECT_TRUE(is_authorization_size(read->authorization.size()));

        const auto key = key_of(vector);
        if (!key) continue;
        const auto authorized = authorized_by_queue(vector);
        const auto server = x25519(vector, "srvPrivDh");
        EXPECT_TRUE(verify_authorization(key->public_part(), server, read->correlation_id, authorized,
                                         read->authorization));
        auto changed = authorized;
        changed.back() ^= 1;
        EXPECT_FALSE(verify_authorization(key->public_part(), server, read->correlation_id, changed,
                                          read->authorization));
        counting_random random;
        for (const auto type :
             {crypto::key_type::ed25519, crypto::key_type::ed448, crypto::key_type::x25519}) {
            const auto other = crypto::private_key::generate(type, random);
            EXPECT_FALSE(verify_authorization(other.public_part(), server, read->correlation_id, authorized,
                                              read->authorization));
        }
        verify_nothing(server, read->correlation_id, authorized, read->authorization);
    }
}

TEST(transmission, of_a_server) {
    for (const auto& vector : of_every_version("brokerTransmission")) {
        const auto v = static_cast<version>(int_field(vector, "version"));
        const auto session_id = hex_field(vector, "sessionId");
        bytes out;
        encoding::writer writer(out);
        write_transmission(writer, v, session_id, hex_field(vector, "corrId"), hex_field(vector, "entityId"),
                           hex_field(vector, "message"));
        bytes content{1};
        encoding::writer(content).large_bytes(out);
        EXPECT_EQ(hex(content), text_field(vector, "blockContent"));
        auto batch = batch_reader::open(content);
        ASSERT_TRUE(batch);
        const auto read = parse_transmission(batch->next(), v);
        ASSERT_TRUE(read);
        EXPECT_EQ(hex(read->correlation_id), text_field(vector, "corrId"));
        EXPECT_EQ(hex(read->entity_id), text_field(vector, "entityId"));
        EXPECT_EQ(hex(read->body), text_field(vector, "message"));
        EXPECT_TRUE(parse_message(read->body, v));
    }
}

TEST(transmission, batches_are_packed_as_official_programs_do) {
    for (const auto& vector : vectors("smp_transmissions.json", "batch")) {
        SCOPED_TRACE(text_field(vector, "name"));
        // From version 16 the encoding of a transmission has its authorization, which is empty here: one
        // byte.
        std::vector<std::size_t> sizes;
        for (const auto& size : vector.at("inputLens").as_array())
            sizes.push_back(size.to_number<std::size_t>() + 1);
        const auto fill = hex_field(vector, "fill").at(0);
        const auto plan = plan_batches(sizes);
        const auto& blocks = vector.at("blocks").as_array();
        ASSERT_EQ(plan.size(), blocks.size());
        std::size_t next = 0;
        for (std::size_t i = 0; i < plan.size(); ++i) {
            const auto& expected = blocks[i].as_object();
            if (expected.contains("error")) {
                EXPECT_EQ(plan[i], 0U);
                EXPECT_FALSE(fits_block(sizes[next++]));
                continue;
            }
            ASSERT_EQ(plan[i], expected.at("count").to_number<std::size_t>());
            bytes content{static_cast<std::uint8_t>(plan[i])};
            encoding::writer writer(content);
            for (std::size_t j = 0; j < plan[i]; ++j) {
                const auto begin = writer.begin_large();
                writer.u8(0).fill(sizes[next++] - 1, fill);
                writer.end_large(begin);
            }
            EXPECT_EQ(content.size(), expected.at("contentLen").to_number<std::size_t>());
            EXPECT_EQ(hex(crypto::sha256(content)), text_field(expected, "contentSha256"));
            if (!is_null(expected, "content")) {
                EXPECT_EQ(hex(content), text_field(expected, "content"));
            }
        }
        EXPECT_EQ(next, sizes.size());
    }
}

TEST(transmission, malformed_ones_are_refused) {
    auto refused = [](bytes data, version v) { return !parse_transmission(data, v).has_value(); };
    EXPECT_TRUE(refused({}, 17));
    EXPECT_TRUE(refused({0}, 17));
    EXPECT_TRUE(refused({0, 0}, 17));
    EXPECT_FALSE(refused({0, 0, 0}, 17));
    EXPECT_TRUE(refused({0, 0, 0}, 6)) << "below 7 a session id stands there too";
    EXPECT_TRUE(refused({1, 9, '2', 0, 0}, 16)) << "neither 0 nor 1 for the service signature";
    EXPECT_TRUE(refused({1, 9, '1', 1, 7, 0, 0}, 16)) << "a service signature of one byte";
    EXPECT_FALSE(refused({1, 9, '0', 0, 0}, 16));
    EXPECT_FALSE(is_authorization_size(1));

    auto bad_batch = [](bytes content) { return !batch_reader::open(content).has_value(); };
    EXPECT_TRUE(bad_batch({}));
    EXPECT_TRUE(bad_batch({0}));
    EXPECT_TRUE(bad_batch({1}));
    EXPECT_TRUE(bad_batch({1, 0, 2, 9}));
    EXPECT_TRUE(bad_batch({1, 0, 1, 9, 9})) << "bytes after the last";
    EXPECT_TRUE(bad_batch({2, 0, 1, 9}));
    EXPECT_FALSE(bad_batch({2, 0, 1, 9, 0, 0}));
}

TEST(transmission, keys_that_cannot_authorize) {
    counting_random random;
    const auto x448 = crypto::private_key::generate(crypto::key_type::x448, random);
    const auto own = crypto::private_key::generate(crypto::key_type::x25519, random);
    EXPECT_TRUE(authorize(x448, own.public_part(), {}, {}).error().is(failure::key));
    EXPECT_TRUE(authorize(own, {}, {}, {}).error().is(failure::no_server_key));
    EXPECT_FALSE(can_authorize(crypto::key_type::x25519, 6));
    EXPECT_TRUE(can_authorize(crypto::key_type::x25519, 7));
    EXPECT_FALSE(can_authorize(crypto::key_type::x448, 17));
}

} // namespace
} // namespace plexus::smp::test
