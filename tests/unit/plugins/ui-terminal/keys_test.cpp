#include "keys.hpp"
#include "text_width.hpp"

#include <gmock/gmock.h>

namespace plexus::ui_terminal {
namespace {

using testing::ElementsAre;

TEST(keys, text_comes_together) {
    key_decoder decoder;
    EXPECT_THAT(decoder.decode("h\xC3\xA9llo"), ElementsAre(key{key_kind::text, "h\xC3\xA9llo"}));
}

TEST(keys, a_character_may_be_cut) {
    key_decoder decoder;
    EXPECT_TRUE(decoder.decode("\xF0\x9F").empty());
    EXPECT_THAT(decoder.decode("\x98\x80"), ElementsAre(key{key_kind::text, "\xF0\x9F\x98\x80"}));
}

TEST(keys, sequences) {
    key_decoder decoder;
    EXPECT_THAT(decoder.decode("\x1b[A\x1b[3~\x1bOH\x1b[1;5D"),
                ElementsAre(key{key_kind::up, {}}, key{key_kind::erase, {}}, key{key_kind::home, {}},
                            key{key_kind::word_left, {}}));
    EXPECT_TRUE(decoder.decode("\x1b[").empty());
    EXPECT_THAT(decoder.decode("Bx"), ElementsAre(key{key_kind::down, {}}, key{key_kind::text, "x"}));
}

TEST(keys, unknown_sequences_give_nothing) {
    key_decoder decoder;
    EXPECT_THAT(decoder.decode("\x1b[200~\x1bZa\r"),
                ElementsAre(key{key_kind::text, "a"}, key{key_kind::enter, {}}));
}

TEST(keys, broken_bytes_become_a_mark) {
    key_decoder decoder;
    EXPECT_THAT(decoder.decode("\xFFz"), ElementsAre(key{key_kind::text, "\xEF\xBF\xBDz"}));
}

TEST(text_width, columns) {
    EXPECT_EQ(columns("abc"), 3U);
    EXPECT_EQ(columns("\xE6\xBC\xA2"), 2U);
    EXPECT_EQ(columns("e\xCC\x81"), 1U);
    EXPECT_EQ(columns("\xF0\x9F\x98\x80"), 2U);
}

TEST(text_width, a_strangers_text_is_harmless) {
    EXPECT_EQ(harmless("a\x1b[2Jb\x07\tc\nd"), "a[2Jb    c\nd");
    EXPECT_EQ(harmless("\xE2\x80\xAE"
                       "evil"),
              "evil");
    EXPECT_EQ(harmless("\xC2\x9B"
                       "31m"),
              "31m");
    EXPECT_EQ(harmless("\xC3("), "\xEF\xBF\xBD(");
}

} // namespace
} // namespace plexus::ui_terminal
