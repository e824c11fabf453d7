// The values of a set of declared keys: a plugin's section, the kernel's own, the options of a command.
// Stands behind plexus.config/1.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "document.hpp"
#include "plexus/abi/host.h"
#include "plexus/abi/plugin.h"
#include "plexus/bytes.hpp"

namespace plexus::kernel {

struct key_value {
    std::string text;
    std::int64_t integer = 0;
    bool boolean = false;
    std::vector<std::string> list;
    std::vector<plexus_view> views; ///< of `list`
};

/// "250ms", "10s", "21d" in nanoseconds; units ns, us, ms, s, m, h, d, w.
std::optional<std::int64_t> parse_duration(std::string_view text);
/// "64KiB", "10GiB", "512" in bytes; units B, KiB, MiB, GiB, TiB.
std::optional<std::int64_t> parse_size(std::string_view text);
std::string format_duration(std::int64_t nanoseconds);
std::string format_size(std::int64_t size);

/// "duration", "text", ... as people are told.
std::string_view type_name(std::uint32_t type);

/// What is wrong with a plugin's declaration of a key; empty: nothing.
std::string check_key(const plexus_key& key);

class value_set {
  public:
    value_set(std::span<const plexus_key> keys, std::filesystem::path folder);
    value_set(const value_set&) = delete;
    value_set& operator=(const value_set&) = delete;
    ~value_set(); ///< wipes secrets

    /// Takes a TOML table. Keys in `skipped` are not looked at. `section` names the table in messages.
    void take(const document_value& table, std::string_view section, const std::vector<std::string>& skipped,
              problem_list& problems);
    /// Takes one option as text; the answer is what is wrong with it. A list grows with each call.
    std::string take_text(std::string_view key, std::string_view text);
    /// Takes a secret text that forget_given() wipes; the answer is what is wrong with it.
    std::string take_given(std::string_view key, bytes_view value);
    void forget_given();
    /// Fills in the presets; the names of required keys that have no value.
    std::vector<std::string> complete();

    /// Keys whose values differ from those of `other`, a set of the same keys.
    std::vector<const plexus_key*> changed(const value_set& other) const;
    const plexus_key* declared(std::string_view key) const;
    const key_value* find(std::string_view key) const;
    /// plexus.config/1 on these values; it lives as long as they do.
    plexus_config table();

  private:
    void take_table(const document_value& table, const std::string& prefix, std::string_view section,
                    const std::vector<std::string>& skipped, problem_list& problems);
    std::string convert(const plexus_key& key, const document_value& from, key_value& to) const;
    std::string convert_text(const plexus_key& key, std::string_view text, key_value& to) const;
    std::string check_bounds(const plexus_key& key, std::int64_t value) const;
    std::string place(const plexus_key& key, std::string text) const;
    void store(const plexus_key& key, key_value value);
    std::vector<std::string> names() const;

    std::span<const plexus_key> keys_;
    std::filesystem::path folder_;
    std::map<std::string, key_value, std::less<>> values_;
    std::vector<const plexus_key*> given_;
};

} // namespace plexus::kernel
