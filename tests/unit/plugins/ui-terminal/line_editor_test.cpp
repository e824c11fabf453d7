#include "line_editor.hpp"

#include <gtest/gtest.h>

namespace plexus::ui_terminal {
namespace {

struct typed {
    line_editor editor;
    std::optional<std::string> operator()(key_kind kind) { return editor.press({kind, {}}); }
    std::optional<std::string> operator()(std::string text) {
        return editor.press({key_kind::text, std::move(text)});
    }
};

TEST(line_editor, a_line_is_finished_by_enter) {
    typed type;
    type("hello");
    EXPECT_EQ(type(key_kind::enter), "hello");
    EXPECT_EQ(type.editor.text(), "");
}

TEST(line_editor, the_cursor_moves_over_whole_characters) {
    typed type;
    type("a\xC3\xA9z");
    type(key_kind::left);
    type(key_kind::left);
    EXPECT_EQ(type.editor.before_cursor(), "a");
    type(key_kind::erase);
    EXPECT_EQ(type.editor.text(), "az");
    type(key_kind::end);
    type(key_kind::backspace);
    EXPECT_EQ(type.editor.text(), "a");
    type(key_kind::home);
    type(key_kind::left);
    type(key_kind::backspace);
    type("x");
    EXPECT_EQ(type.editor.text(), "xa");
}

TEST(line_editor, words) {
    typed type;
    type("one two  three");
    type(key_kind::erase_word);
    EXPECT_EQ(type.editor.text(), "one two  ");
    type(key_kind::word_left);
    EXPECT_EQ(type.editor.before_cursor(), "one ");
    type(key_kind::word_right);
    EXPECT_EQ(type.editor.before_cursor(), "one two");
    type(key_kind::erase_to_start);
    EXPECT_EQ(type.editor.text(), "  ");
    type(key_kind::erase_to_end);
    EXPECT_EQ(type.editor.text(), "");
}

TEST(line_editor, lines_come_back) {
    typed type;
    for (const auto* line : {"first", "second", "second"}) {
        type(line);
        type(key_kind::enter);
    }
    type("unfinished");
    type(key_kind::up);
    EXPECT_EQ(type.editor.text(), "second");
    type(key_kind::up);
    type(key_kind::up);
    EXPECT_EQ(type.editor.text(), "first");
    type(key_kind::down);
    type(key_kind::down);
    EXPECT_EQ(type.editor.text(), "unfinished");
}

TEST(line_editor, secrets_are_not_remembered) {
    typed type;
    type.editor.remember(false);
    type("ann");
    type(key_kind::enter);
    type(key_kind::up);
    EXPECT_EQ(type.editor.text(), "");
}

TEST(line_editor, a_line_has_an_end) {
    typed type;
    type(std::string(16000, 'a'));
    type(std::string(1000, 'b'));
    EXPECT_EQ(type.editor.text().size(), 16000U);
}

} // namespace
} // namespace plexus::ui_terminal
