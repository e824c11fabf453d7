// A TOML file as plain values with the places they stand at, and the list of what is wrong with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plexus/result.hpp"

namespace plexus::kernel {

struct source_position {
    std::uint32_t line = 0; ///< from 1; 0: no place in the file
    std::uint32_t column = 0;
};

enum class value_kind { text, integer, real, boolean, list, table, time };

struct document_entry;

struct document_value {
    value_kind kind = value_kind::table;
    source_position where;
    std::string text;
    std::int64_t integer = 0;
    bool boolean = false;
    std::vector<document_value> items;
    std::vector<document_entry> entries; ///< in the order of the file

    const document_value* find(std::string_view key) const;
};

struct document_entry {
    std::string key;
    source_position where;
    document_value value;
};

/// "a text", "an integer", ...
std::string_view kind_name(value_kind kind);

/// Everything that is wrong, so that it can be said at once.
class problem_list {
  public:
    explicit problem_list(std::string file) : file_(std::move(file)) {}

    void add(source_position where, std::string what);
    bool empty() const noexcept { return problems_.empty(); }
    /// "FILE:LINE:COLUMN: what", a line each, in the order of the file.
    std::string render() const;

  private:
    struct problem {
        source_position where;
        std::string what;
    };
    std::string file_;
    std::vector<problem> problems_;
};

/// Parses TOML. A mistake of syntax goes to `problems`; then the answer is an empty table.
document_value parse_document(std::string_view text, problem_list& problems);

} // namespace plexus::kernel
