#include "plexus/smp/errors.hpp"

#include "vector_fields.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace plexus::smp::test {
namespace {

std::string json_of(const object& fields) { return boost::json::serialize(fields.at("json")); }

TEST(errors, text_and_json_of_every_vector) {
    std::size_t count = 0;
    for (const auto& vector : of_every_version("message")) {
        if (vector.at("tag") != "ERR") continue;
        ++count;
        const auto& fields = member(vector, "fields");
        const auto text = text_field(fields, "str");
        const auto json = json_of(fields);
        SCOPED_TRACE(text);
        const auto from_json = parse_server_error_json(json);
        ASSERT_TRUE(from_json) << from_json.error().message();
        EXPECT_EQ(to_json(*from_json), json);
        EXPECT_EQ(to_text(*from_json), text);
        for (const auto& [v, data] : encodings(vector))
            EXPECT_EQ("ERR " + encode(*from_json, v), to_string(data)) << "version " << v;

        const auto from_text = parse_server_error_text(text);
        ASSERT_TRUE(from_text) << from_text.error().message();
        EXPECT_EQ(to_text(*from_text), text);
        const auto newest = encodings(vector).back().data;
        const auto from_binary = parse_server_error(bytes_view(newest).subspan(4));
        ASSERT_TRUE(from_binary);
        EXPECT_EQ(*from_binary, *from_text);
    }
    EXPECT_GE(count, 38U);
}

TEST(errors, an_older_word_and_unsent_details_are_understood) {
    EXPECT_EQ(parse_server_error(as_bytes("CMD NO_QUEUE"))->command, command_error::no_entity);
    EXPECT_EQ(parse_server_error(as_bytes("PROXY BROKER NETWORK TIMEOUT"))->network, network_error::timeout);
    const auto words = parse_server_error(as_bytes("PROXY BROKER NETWORK CONNECT \x03"
                                                   "why"));
    ASSERT_TRUE(words);
    EXPECT_EQ(words->text, "why");
    const auto text = parse_server_error_text("PROXY BROKER NETWORK TLS no way");
    ASSERT_TRUE(text);
    EXPECT_EQ(text->text, "no way");
    EXPECT_EQ(to_json(*text),
              R"({"proxyErr":{"brokerErr":{"networkError":{"tlsError":"no way","type":"tLSError"},)"
              R"("type":"NETWORK"},"type":"BROKER"},"type":"PROXY"})");
    EXPECT_EQ(*parse_server_error_json(to_json(*text)), *text);
}

TEST(errors, a_notice_goes_out_from_version_18_on) {
    const auto blocked = parse_server_error(as_bytes(R"(BLOCKED reason=spam,notice={"ttl":5})"));
    ASSERT_TRUE(blocked);
    EXPECT_EQ(encode(*blocked, 18), R"(BLOCKED reason=spam,notice={"ttl":5})");
    EXPECT_EQ(encode(*blocked, 17), "BLOCKED reason=spam");
    EXPECT_EQ(encode(*blocked, 11), "AUTH");
    EXPECT_EQ(*parse_server_error_json(to_json(*blocked)), *blocked);
}

TEST(errors, what_is_no_error_is_refused) {
    for (const auto* text : {"",
                             "NONE",
                             "AUTH ",
                             "AUTH x",
                             "CMD",
                             "CMD ",
                             "CMD WRONG",
                             "CMD SYNTAX ",
                             "PROXY",
                             "PROXY PROTOCOL",
                             "PROXY PROTOCOL ",
                             "PROXY BASIC_AUTH x",
                             "PROXY BROKER",
                             "PROXY BROKER TRANSPORT",
                             "PROXY BROKER TRANSPORT HANDSHAKE",
                             "PROXY BROKER TRANSPORT HANDSHAKE NOT",
                             "PROXY BROKER HOST x",
                             "PROXY BROKER RESPONSE",
                             "PROXY BROKER RESPONSE \x05no",
                             "PROXY BROKER NETWORK ",
                             "BLOCKED",
                             "BLOCKED reason=",
                             "BLOCKED reason=spam,notice=",
                             "BLOCKED reason=spam,notice=[]",
                             "STORE"})
        EXPECT_FALSE(parse_server_error(as_bytes(text))) << text;
    for (const auto* text :
         {"", "{}", "[]", R"({"type":"CMD"})", R"({"type":"PROXY","proxyErr":{"type":"BROKER"}})",
          R"({"type":"STORE"})", R"({"type":"BLOCKED","blockInfo":{}})"})
        EXPECT_FALSE(parse_server_error_json(text)) << text;
    std::string deep;
    for (int i = 0; i < 300; ++i) deep += "PROXY PROTOCOL ";
    EXPECT_FALSE(parse_server_error(as_bytes(deep + "AUTH")));
}

} // namespace
} // namespace plexus::smp::test
