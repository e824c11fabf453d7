#include "screen.hpp"
#include "text_width.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace plexus::ui_terminal {
namespace {

/// As much of a terminal as the screen uses.
class tiny_terminal {
  public:
    explicit tiny_terminal(std::size_t width) : width_(width) {}

    void feed(std::string_view bytes) {
        while (!bytes.empty()) {
            if (bytes.starts_with("\x1b[")) {
                std::size_t end = 2;
                while (bytes[end] < '@') ++end;
                const auto digits = std::string(bytes.substr(2, end - 2));
                sequence(bytes[end], digits.empty() ? 1 : std::stoul(digits));
                bytes.remove_prefix(end + 1);
                continue;
            }
            const auto size = character_size(bytes);
            put(bytes.substr(0, size));
            bytes.remove_prefix(size);
        }
    }
    std::vector<std::string> rows() const { return rows_; }
    std::size_t row() const { return row_; }
    std::size_t column() const { return column_; }

  private:
    void put(std::string_view character) {
        if (character == "\r") {
            column_ = 0;
            full_ = false;
        } else if (character == "\n") {
            down();
            column_ = 0; // the driver adds the carriage return
            full_ = false;
        } else {
            if (full_) {
                down();
                column_ = 0;
                full_ = false;
            }
            auto& line = rows_[row_];
            line.resize(column_, ' ');
            line += character;
            full_ = ++column_ == width_;
            if (full_) --column_;
        }
    }
    void down() {
        if (++row_ == rows_.size()) rows_.emplace_back();
    }
    void sequence(char kind, std::size_t count) {
        full_ = false;
        if (kind == 'A') row_ -= count;
        if (kind == 'B') row_ += count;
        if (kind == 'C') column_ += count;
        if (kind == 'J') {
            rows_.resize(row_ + 1);
            rows_[row_].resize(column_);
        }
    }

    std::size_t width_;
    std::vector<std::string> rows_{""};
    std::size_t row_ = 0;
    std::size_t column_ = 0;
    bool full_ = false;
};

TEST(screen, lines_appear_above_what_is_typed) {
    tiny_terminal shown(20);
    screen drawn;
    drawn.resize(20);
    shown.feed(drawn.draw("> ", "hello", "hel"));
    EXPECT_EQ(shown.column(), 5U);
    shown.feed(drawn.print("bob> hi\n"));
    EXPECT_EQ(shown.rows(), (std::vector<std::string>{"bob> hi", "> hello"}));
    EXPECT_EQ(shown.row(), 1U);
    EXPECT_EQ(shown.column(), 5U);
}

TEST(screen, a_long_line_takes_several_rows) {
    tiny_terminal shown(10);
    screen drawn;
    drawn.resize(10);
    const std::string text = "abcdefghijklmnopqrstu";
    shown.feed(drawn.draw("> ", text, "abc"));
    EXPECT_EQ(shown.rows(), (std::vector<std::string>{"> abcdefgh", "ijklmnopqr", "stu"}));
    EXPECT_EQ(shown.row(), 0U);
    EXPECT_EQ(shown.column(), 5U);
    shown.feed(drawn.print("one\ntwo\n"));
    EXPECT_EQ(shown.rows(), (std::vector<std::string>{"one", "two", "> abcdefgh", "ijklmnopqr", "stu"}));
    shown.feed(drawn.draw("> ", "", ""));
    EXPECT_EQ(shown.rows(), (std::vector<std::string>{"one", "two", "> "}));
}

TEST(screen, a_row_that_is_just_full) {
    tiny_terminal shown(10);
    screen drawn;
    drawn.resize(10);
    shown.feed(drawn.draw("> ", "12345678", "12345678"));
    EXPECT_EQ(shown.row(), 1U);
    EXPECT_EQ(shown.column(), 0U);
    shown.feed(drawn.print("x\n"));
    EXPECT_EQ(shown.rows(), (std::vector<std::string>{"x", "> 12345678", ""}));
    shown.feed(drawn.leave());
    shown.feed("$");
    EXPECT_EQ(shown.rows().back(), "$");
}

} // namespace
} // namespace plexus::ui_terminal
