#include "helpers.hpp"

#include "plexus/agent/link.hpp"

namespace plexus::test {
namespace {

TEST(agent_link, full_links_encode_and_parse_as_the_official_library_does) {
    for (const auto& v : vectors(agent_file, "connectionLink")) {
        const auto name = text_field(v, "name");
        const auto text = text_field(v, "str");
        const auto parsed = agent::parse_connection_request(text);
        ASSERT_TRUE(parsed) << name << ": " << parsed.error().message();
        EXPECT_EQ(agent::to_text(*parsed), text_field(v.at("strParse").as_object(), "reencodes")) << name;

        const auto binary = hex_field(v, "smp");
        encoding::reader in(binary);
        auto decoded = agent::read_connection_request(in);
        ASSERT_TRUE(in.done()) << name;
        EXPECT_EQ(agent::to_text(decoded), text_field(v.at("smpParse").as_object(), "reencodes")) << name;

        // The link itself, from the value that the binary form gave: only texts of addresses raise versions.
        const auto scheme = text.substr(0, text.find(parsed->e2e ? "/invitation" : "/contact"));
        decoded.queues = parsed->queues;
        EXPECT_EQ(agent::to_text(decoded, scheme), text) << name;
        EXPECT_EQ(hex(encoded(decoded)), text_field(v, "smp")) << name;
    }
}

TEST(agent_link, odd_forms_are_taken_or_refused_as_by_the_official_library) {
    for (const auto& v : vectors(agent_file, "connectionLinkParse")) {
        const auto text = text_field(v, "str");
        const auto parsed = agent::parse_link(text);
        const auto& expected = v.at("result").as_object();
        if (expected.contains("error")) {
            ASSERT_FALSE(parsed) << text;
            EXPECT_TRUE(parsed.error().is(agent::failure::link));
            continue;
        }
        ASSERT_TRUE(parsed) << text << ": " << parsed.error().message();
        EXPECT_EQ(agent::to_text(*parsed), text_field(expected, "reencodes"));
        EXPECT_EQ(agent::mode_of(*parsed) == agent::connection_mode::invitation,
                  text_field(expected, "mode") == "INV");
        EXPECT_EQ(std::holds_alternative<agent::connection_request>(*parsed),
                  text_field(expected, "type") == "full");
    }
}

TEST(agent_link, short_links_encode_and_parse_in_both_forms) {
    for (const auto& v : vectors(agent_file, "shortLink")) {
        const auto text = text_field(v, "str");
        const auto parsed = agent::parse_short_link(text);
        ASSERT_TRUE(parsed) << text << ": " << parsed.error().message();
        EXPECT_EQ(agent::to_text(*parsed), text_field(v, "reencodes"));
        EXPECT_EQ(hex(parsed->link_key), text_field(v, "linkKey"));
        if (!is_null(v, "linkId")) {
            EXPECT_EQ(hex(parsed->link_id), text_field(v, "linkId"));
        }
        EXPECT_EQ(hex(encoded(*parsed)), text_field(v, "smp"));

        const auto binary = hex_field(v, "smp");
        encoding::reader in(binary);
        const auto decoded = agent::read_short_link(in);
        ASSERT_TRUE(in.done()) << text;
        EXPECT_EQ(hex(encoded(decoded)), text_field(v, "smpReencodes"));
        auto same_form = *parsed;
        same_form.form = agent::short_link::scheme::server;
        EXPECT_EQ(decoded, same_form);
    }
}

TEST(agent_link, links_of_preset_servers_shorten_and_come_back) {
    for (const auto& v : vectors(agent_file, "shortenLink")) {
        std::vector<agent::server_address> presets;
        for (const auto& preset : v.at("presets").as_array()) presets.push_back(server(preset.as_string()));
        const auto link = agent::parse_short_link(text_field(v, "link")).value();
        const auto shortened = agent::shorten(link, presets);
        EXPECT_EQ(agent::to_text(shortened), text_field(v, "shortened"));
        EXPECT_EQ(agent::to_text(agent::restore(shortened, presets)), text_field(v, "restored"));
    }
}

TEST(agent_link, truncated_binary_links_are_refused) {
    for (const auto& v : vectors(agent_file, "shortLink")) {
        const auto binary = hex_field(v, "smp");
        for (std::size_t size = 0; size < binary.size(); ++size) {
            encoding::reader in(bytes_view(binary).first(size));
            agent::read_short_link(in);
            EXPECT_FALSE(in.ok());
        }
    }
}

TEST(agent_link, a_mistyped_link_says_what_is_wrong) {
    const auto message = [](std::string_view text) { return agent::parse_link(text).error().message(); };
    EXPECT_NE(message("hello").find("begins neither"), std::string::npos);
    EXPECT_NE(message("https://host/i#abcd/").find("copy it whole"), std::string::npos);
    EXPECT_NE(message("https://host:5223/a#abcd").find("?p=PORT"), std::string::npos);
    EXPECT_NE(message("https://" + std::string(300, 'a') + "/a#abcd").find("too long"), std::string::npos);
    EXPECT_NE(message("simplex:/invitation#/?" + std::string(70'000, 'a')).find("too long"),
              std::string::npos);
    EXPECT_NE(message("simplex:/invitation#/?v=2-7").find("not a queue address"), std::string::npos);
}

} // namespace
} // namespace plexus::test
