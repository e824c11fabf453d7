#include "helpers.hpp"

namespace plexus::test {
namespace {

TEST(agent_queue, uris_encode_and_parse_as_the_official_library_does) {
    for (const auto& v : vectors(agent_file, "queueUri")) {
        const auto uri = queue_uri(v.at("input").as_object());
        EXPECT_EQ(agent::to_text(uri), text_field(v, "str"));
        EXPECT_EQ(hex(encoded(uri)), text_field(v, "smp"));

        const auto from_text = agent::parse_queue_uri(text_field(v, "str"));
        ASSERT_TRUE(from_text) << from_text.error().message();
        EXPECT_EQ(*from_text, queue_uri(v.at("strParsesAs").as_object())) << text_field(v, "str");

        const auto binary = hex_field(v, "smp");
        encoding::reader in(binary);
        EXPECT_EQ(agent::read_queue_uri(in), queue_uri(v.at("smpParsesAs").as_object()));
        EXPECT_TRUE(in.done());
    }
}

TEST(agent_queue, infos_encode_and_parse_as_the_official_library_does) {
    for (const auto& v : vectors(agent_file, "queueInfo")) {
        EXPECT_EQ(hex(encoded(queue_info(v.at("input").as_object()))), text_field(v, "smp"));
        const auto binary = hex_field(v, "smp");
        encoding::reader in(binary);
        EXPECT_EQ(agent::read_queue_info(in), queue_info(v.at("smpParsesAs").as_object()));
        EXPECT_TRUE(in.done());
    }
}

TEST(agent_queue, older_texts_are_understood) {
    for (const auto& v : vectors(agent_file, "queueUriParse")) {
        const auto parsed = agent::parse_queue_uri(text_field(v, "str"));
        const auto& expected = v.at("result").as_object();
        if (expected.contains("error")) {
            EXPECT_FALSE(parsed) << text_field(v, "str");
            continue;
        }
        ASSERT_TRUE(parsed) << text_field(v, "str") << ": " << parsed.error().message();
        EXPECT_EQ(agent::to_text(*parsed), text_field(expected, "reencodes"));
    }
}

TEST(agent_queue, every_truncation_is_refused) {
    for (const auto& v : vectors(agent_file, "queueInfo")) {
        const auto binary = hex_field(v, "smp");
        // The last byte of the newest forms is the mode, which may be absent.
        for (std::size_t size = 0; size + 1 < binary.size(); ++size) {
            encoding::reader in(bytes_view(binary).first(size));
            agent::read_queue_info(in);
            EXPECT_FALSE(in.ok()) << size;
        }
    }
}

TEST(agent_queue, malformed_texts_are_refused_with_a_reason) {
    const std::string server_text = "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@smp.example.com";
    const std::string key = "dh=MCowBQYDK2VuAyEAUyEkQX0VZVTe6whl-xEROgL6nb-XYaei7Q1iSkIRyjA%3D";
    ASSERT_TRUE(agent::parse_queue_uri(server_text + "/3456-w==#/?v=1-4&" + key));
    for (const auto& bad : {
             std::string(),
             server_text,
             server_text + "/",
             server_text + "/#/?v=1-4&" + key,
             server_text + "/3456-w==/?v=1-4&" + key,
             server_text + "/3456-w==#/?v=4-1&" + key,
             server_text + "/3456-w==#/?" + key,
             server_text + "/3456-w==#/?v=1-4",
             server_text + "/3456-w==#/?v=1-4&dh=AAAA",
             server_text + "/3456-w==#/?v=1-4&" + key + " ",
             server_text + "/" + std::string(400, 'A') + "#/?v=1-4&" + key,
             server_text + std::string(300, 'a') + "/3456-w==#/?v=1-4&" + key,
             "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=:password@smp.example.com/3456-w==#/?v=4&" +
                 key,
         }) {
        const auto parsed = agent::parse_queue_uri(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_TRUE(parsed.error().is(agent::failure::link)) << bad;
    }
}

TEST(agent_queue, a_version_is_agreed_with_the_peer) {
    agent::queue_uri uri;
    uri.client_versions = {1, 9};
    EXPECT_EQ(uri.agree(agent::client_versions)->client_version, 4);
    uri.client_versions = {5, 9};
    EXPECT_FALSE(uri.agree(agent::client_versions));
}

} // namespace
} // namespace plexus::test
