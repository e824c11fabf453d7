#include "plexus/chat/markdown.hpp"

#include "vectors.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace plexus::chat {
namespace {

TEST(chat_markdown, official_vectors) {
    for (const auto& vector : test::vectors("chat.json", "markdown")) {
        const auto text = test::text_field(vector, "text");
        SCOPED_TRACE(text);
        const auto formatted = parse_markdown(text);
        if (test::is_null(vector, "formatted")) {
            EXPECT_FALSE(formatted.has_value()) << boost::json::serialize(*formatted);
        } else {
            ASSERT_TRUE(formatted.has_value());
            EXPECT_EQ(*formatted, vector.at("formatted").as_array())
                << boost::json::serialize(*formatted) << "\n"
                << boost::json::serialize(vector.at("formatted"));
        }
    }
}

TEST(chat_markdown, every_character_stays) {
    for (const std::string_view text :
         {"*a* \xE2\x80\x9Cq\xE2\x80\x9D _b_!", "@", "!", "!1", "!1 ", "[", "[]()", "+", "/", "'", "#", "##",
          "\n\n*x*\n\n", "@'", "@'a", "+1", "*\xF0\x9F\x92\x99*"}) {
        const auto formatted = parse_markdown(text);
        if (!formatted) continue;
        std::string shown;
        for (const auto& piece : *formatted) shown += piece.at("text").as_string();
        EXPECT_FALSE(shown.empty());
        EXPECT_LE(shown.size(), text.size());
    }
}

TEST(chat_markdown, very_long_texts_are_plain) {
    const std::string head = "*a* ";
    EXPECT_TRUE(parse_markdown(head + std::string(max_markdown_length - head.size(), 'x')).has_value());
    EXPECT_FALSE(parse_markdown(head + std::string(max_markdown_length, 'x')).has_value());
}

TEST(chat_markdown, curly_quotes_end_a_name) {
    const auto formatted = parse_markdown("hi @bob\xE2\x80\x9D");
    ASSERT_TRUE(formatted.has_value());
    ASSERT_EQ(formatted->size(), 3U);
    EXPECT_EQ(formatted->at(1).at("format").at("memberName"), "bob");
}

} // namespace
} // namespace plexus::chat
