// What the suites of cases have in common: expectations that name their sentence, and how a case ended.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

namespace plexus::validate {

/// What a broken expectation throws; its text names the sentence and the line.
class broken_contract : public std::exception {
  public:
    explicit broken_contract(std::string text) : text_(std::move(text)) {}
    const char* what() const noexcept override { return text_.c_str(); }

  private:
    std::string text_;
};

/// Where an expectation stands. std::source_location is not known to Clang 14.
struct place_in_source {
    const char* file = "";
    unsigned line = 0;
};

/// What a case says holds. A bench inherits it.
class expectations {
  public:
    static void expect(bool holds, const char* sentence,
                       const place_in_source& at = {__builtin_FILE(), __builtin_LINE()});
    static void expect_equal(std::int64_t seen, std::int64_t wanted, const char* sentence,
                             const place_in_source& at = {__builtin_FILE(), __builtin_LINE()});
    static void expect_text(const std::string& seen, const std::string& wanted, const char* sentence,
                            const place_in_source& at = {__builtin_FILE(), __builtin_LINE()});
};

enum class case_outcome { passed, failed, skipped };
struct case_report {
    case_outcome outcome = case_outcome::passed;
    std::string text; ///< why it failed or was skipped
};

/// Puts `with` for every `mark` in settings.
void fill_in(std::string& text, const std::string& mark, const std::string& with);

} // namespace plexus::validate
