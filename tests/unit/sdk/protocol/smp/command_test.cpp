#include "plexus/smp/command.hpp"

#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

notifier_credentials credentials(const object& fields, std::string_view key) {
    return {key_field(fields, key), key_field(fields, "dhKey")};
}

cmd::create create(const object& fields, keeper& keep) {
    cmd::create out;
    out.key = key_field(fields, "authKey");
    out.dh_key = key_field(fields, "dhKey");
    out.password = keep.maybe_text(fields, "basicAuth");
    out.subscribe = text_field(fields, "subscribe") == "S";
    if (!is_null(fields, "queueReq")) {
        const auto& request = member(fields, "queueReq");
        out.mode = text_field(request, "mode") == "M" ? queue_mode::messaging : queue_mode::contact;
        if (!is_null(request, "data")) {
            const auto& data = member(request, "data");
            auto& link = out.data.emplace();
            if (out.mode == queue_mode::contact) link.link_id = keep.hex(data, "linkId");
            link.sender_id = keep.hex(data, "senderId");
            link.data = keep.link(data, "linkData");
        }
    }
    if (!is_null(fields, "ntfCreds")) out.notifier = credentials(member(fields, "ntfCreds"), "authKey");
    return out;
}

std::optional<command> from_fields(const object& vector, keeper& keep) {
    const auto tag = text_field(vector, "tag");
    const auto& fields = member(vector, "fields");
    if (tag == "NEW") return create(fields, keep);
    if (tag == "SUB") return cmd::sub{};
    if (tag == "SUBS") return cmd::subs{service_queues_of(fields)};
    if (tag == "KEY") return cmd::key{key_field(fields, "key")};
    if (tag == "SKEY") return cmd::skey{key_field(fields, "key")};
    if (tag == "LKEY") return cmd::lkey{key_field(fields, "key")};
    if (tag == "RKEY") {
        cmd::rkey out;
        for (const auto& key : fields.at("keys").as_array())
            out.keys.push_back(
                crypto::public_key::from_spki(unhex(std::string_view(key.as_string()))).value());
        return out;
    }
    if (tag == "LSET") return cmd::lset{keep.hex(fields, "linkId"), keep.link(fields, "linkData")};
    if (tag == "LDEL") return cmd::ldel{};
    if (tag == "LGET") return cmd::lget{};
    if (tag == "NKEY") return cmd::nkey{credentials(fields, "key")};
    if (tag == "NDEL") return cmd::ndel{};
    if (tag == "NSUB") return cmd::nsub{};
    if (tag == "NSUBS") return cmd::nsubs{service_queues_of(fields)};
    if (tag == "GET") return cmd::get{};
    if (tag == "ACK") return cmd::ack{keep.hex(fields, "msgId")};
    if (tag == "OFF") return cmd::off{};
    if (tag == "DEL") return cmd::del{};
    if (tag == "QUE") return cmd::que{};
    if (tag == "PING") return cmd::ping{};
    if (tag == "SEND") return cmd::send{{fields.at("notification").as_bool()}, keep.hex(fields, "body")};
    if (tag == "PRXY")
        return cmd::prxy{parse_server_address(text_field(fields, "server")).value(),
                         keep.maybe_text(fields, "basicAuth")};
    if (tag == "PFWD")
        return cmd::pfwd{static_cast<version>(int_field(fields, "version")), key_field(fields, "key"),
                         keep.hex(fields, "transmission")};
    if (tag == "RFWD") return cmd::rfwd{keep.hex(fields, "fwdTransmission")};
    return std::nullopt;
}

TEST(command, every_vector_in_both_directions) {
    std::size_t count = 0;
    for (const auto& vector : of_every_version("command")) {
        keeper keep;
        const auto value = from_fields(vector, keep);
        ASSERT_TRUE(value) << "no such command here: " << text_field(vector, "tag");
        for (const auto& [v, data] : encodings(vector)) {
            SCOPED_TRACE(text_field(vector, "tag") + " of version " + std::to_string(v));
            EXPECT_EQ(hex(written(*value, v)), hex(data));
            const auto parsed = parse_command(data, v);
            ASSERT_TRUE(parsed) << parsed.error().message();
            EXPECT_EQ(parsed->index(), value->index());
            EXPECT_EQ(hex(written(*parsed, v)), hex(data));
            EXPECT_EQ(name(*parsed), text_field(vector, "tag"));
            ++count;
        }
    }
    EXPECT_EQ(count, 662U);
}

TEST(command, parsed_fields_are_those_that_were_encoded) {
    for (const auto& vector : of_every_version("command")) {
        if (vector.at("tag") != "NEW") continue;
        keeper keep;
        const auto expected = create(member(vector, "fields"), keep);
        const auto newest = encodings(vector).back();
        const auto parsed = parse_command(newest.data, newest.v);
        ASSERT_TRUE(parsed);
        const auto& got = std::get<cmd::create>(*parsed);
        EXPECT_EQ(got.key, expected.key);
        EXPECT_EQ(got.dh_key, expected.dh_key);
        EXPECT_EQ(got.subscribe, expected.subscribe);
        EXPECT_EQ(got.mode, expected.mode);
        ASSERT_EQ(got.password.has_value(), expected.password.has_value());
        if (got.password) {
            EXPECT_EQ(hex(*got.password), hex(*expected.password));
        }
        ASSERT_EQ(got.data.has_value(), expected.data.has_value());
        if (got.data) {
            EXPECT_EQ(hex(got.data->link_id), hex(expected.data->link_id));
            EXPECT_EQ(hex(got.data->sender_id), hex(expected.data->sender_id));
            EXPECT_EQ(hex(got.data->data.fixed), hex(expected.data->data.fixed));
            EXPECT_EQ(hex(got.data->data.user), hex(expected.data->data.user));
        }
        ASSERT_EQ(got.notifier.has_value(), expected.notifier.has_value());
        if (got.notifier) {
            EXPECT_EQ(got.notifier->key, expected.notifier->key);
        }
    }
}

TEST(command, bad_commands_are_refused_and_odd_ones_taken) {
    for (const auto& vector : of_every_version("badCommand")) {
        const auto data = hex_field(vector, "bytes");
        const auto parsed = parse_command(data, static_cast<version>(int_field(vector, "version")));
        EXPECT_EQ(parsed.has_value(), vector.at("accepted").as_bool()) << hex(data);
    }
    EXPECT_TRUE(parse_command(as_bytes("FOO"), 17).error().is(failure::unknown_tag));
    EXPECT_TRUE(parse_command(as_bytes("SUB "), 17).error().is(failure::syntax));
    EXPECT_EQ(std::get<cmd::send>(*parse_command(as_bytes("SEND Fxyz  x"), 17)).body.size(), 2U);
}

TEST(command, every_prefix_of_a_command_is_refused_or_reads_inside_it) {
    for (const auto& vector : of_every_version("command"))
        for (const auto& [v, data] : encodings(vector))
            for (std::size_t size = 0; size < data.size(); ++size) {
                const bytes prefix(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
                static_cast<void>(parse_command(prefix, v));
            }
}

TEST(command, a_password_with_a_forbidden_character_is_refused) {
    keeper keep;
    cmd::create value;
    counting_random random;
    value.key = crypto::private_key::generate(crypto::key_type::ed25519, random).public_part();
    value.dh_key = crypto::private_key::generate(crypto::key_type::x25519, random).public_part();
    for (const auto* word : {"with space", "a@b", "a:b", "a/b", "tab\t"}) {
        value.password = as_bytes(word);
        EXPECT_FALSE(parse_command(written(command(value), 17), 17)) << word;
        EXPECT_FALSE(parse_command(written(command(value), 8), 8)) << word;
    }
    value.password = as_bytes("f1ne!");
    EXPECT_TRUE(parse_command(written(command(value), 17), 17));
    value.dh_key = value.key;
    EXPECT_FALSE(parse_command(written(command(value), 17), 17)) << "an Ed25519 key agrees nothing";
    value.dh_key = crypto::private_key::generate(crypto::key_type::x25519, random).public_part();
    value.key = crypto::private_key::generate(crypto::key_type::x448, random).public_part();
    EXPECT_FALSE(parse_command(written(command(value), 17), 17)) << "an X448 key authorizes nothing";
}

TEST(command, a_name_to_resolve) {
    for (const auto* good : {"a.simplex", "B-2.a.testing", "x.y"}) {
        const auto text = std::string("RSLV ") + good + " and more";
        const auto parsed = parse_command(as_bytes(text), 20);
        ASSERT_TRUE(parsed) << good;
        EXPECT_EQ(as_text(std::get<cmd::rslv>(*parsed).name), good);
        EXPECT_EQ(to_string(written(*parsed, 20)), std::string("RSLV ") + good);
    }
    const std::string longest(63, 'a');
    const auto full = longest + "." + longest + "." + longest + "." + longest.substr(2);
    EXPECT_TRUE(is_resolvable_name(full));
    EXPECT_FALSE(is_resolvable_name("a" + full));
    EXPECT_FALSE(is_resolvable_name("a" + longest + ".simplex"));
    for (const auto* bad :
         {"", "simplex", ".simplex", "a.", "a..b", "-a.b", "a-.b", "a--b.c", "a_b.c", "ä.b"})
        EXPECT_FALSE(is_resolvable_name(bad)) << bad;
}

TEST(command, the_sum_of_queue_ids) {
    for (const auto& vector : vectors("smp_transmissions_v20.json", "queueIdsHash")) {
        service_queues sum;
        service_queues half;
        for (const auto& id : vector.at("ids").as_array()) {
            const auto raw = unhex(std::string_view(id.as_string()));
            sum.add(raw);
            half.add(raw);
        }
        EXPECT_EQ(hex(sum.hash), text_field(vector, "hash"));
        EXPECT_EQ(sum.count, static_cast<std::int64_t>(vector.at("ids").as_array().size()));
        sum.add(half);
        EXPECT_EQ(sum.hash, service_queues().hash);
        half.add(as_bytes("one more"));
        half.remove(as_bytes("one more"));
        half.add(half);
        EXPECT_EQ(half.hash, service_queues().hash);
    }
}

TEST(command, who_may_send_it) {
    EXPECT_EQ(role_of(cmd::ping{}), std::nullopt);
    EXPECT_EQ(role_of(cmd::nsub{}), service_role::notifier);
    EXPECT_EQ(role_of(cmd::nsubs{}), service_role::notifier);
    EXPECT_EQ(role_of(cmd::rfwd{}), service_role::proxy);
    EXPECT_EQ(role_of(cmd::send{}), service_role::messaging);
    EXPECT_TRUE(has_service_signature(cmd::create{}));
    EXPECT_TRUE(is_of_service(cmd::subs{}));
    EXPECT_FALSE(is_of_service(cmd::sub{}));
    EXPECT_TRUE(may_be_forwarded(cmd::rslv{}));
    EXPECT_FALSE(may_be_forwarded(cmd::create{}));
}

TEST(command, credentials_that_each_command_must_have) {
    using error = command_error;
    EXPECT_EQ(check_credentials(cmd::create{}, false, false), error::no_auth);
    EXPECT_EQ(check_credentials(cmd::create{}, true, true), error::has_auth);
    EXPECT_EQ(check_credentials(cmd::create{}, true, false), std::nullopt);
    EXPECT_EQ(check_credentials(cmd::send{}, true, false), error::no_entity);
    EXPECT_EQ(check_credentials(cmd::send{}, false, true), std::nullopt);
    EXPECT_EQ(check_credentials(cmd::ping{}, false, true), error::has_auth);
    EXPECT_EQ(check_credentials(cmd::ping{}, false, false), std::nullopt);
    EXPECT_EQ(check_credentials(cmd::lget{}, true, true), error::has_auth);
    EXPECT_EQ(check_credentials(cmd::lget{}, false, false), error::no_entity);
    EXPECT_EQ(check_credentials(cmd::lget{}, false, true), std::nullopt);
    EXPECT_EQ(check_credentials(cmd::sub{}, false, true), error::no_auth);
    EXPECT_EQ(check_credentials(cmd::sub{}, true, false), error::no_auth);
    EXPECT_EQ(check_credentials(cmd::sub{}, true, true), std::nullopt);
}

} // namespace
} // namespace plexus::smp::test
