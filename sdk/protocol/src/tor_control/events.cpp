#include "plexus/tor_control/events.hpp"

#include "plexus/encoding/text.hpp"
#include "plexus/tor_control/text.hpp"

namespace plexus::tor_control {
namespace {

std::string text_value(const arguments& from, std::string_view key) {
    return printable(from.find(key).value_or(""), 200);
}

std::optional<bootstrap_phase> bootstrap_of(const arguments& from) {
    const auto percent = encoding::parse_decimal(from.find("PROGRESS").value_or(""), 100);
    if (!percent) return std::nullopt;
    bootstrap_phase out;
    out.percent = static_cast<unsigned>(*percent);
    out.summary = text_value(from, "SUMMARY");
    out.warning = text_value(from, "WARNING");
    out.is_final = from.find("RECOMMENDATION") == "warn";
    if (!out.warning.empty())
        if (const auto reason = text_value(from, "REASON"); !reason.empty())
            out.warning += " (" + reason + ")";
    return out;
}

bool has_word(const arguments& from, std::string_view word) {
    return std::find(from.words.begin(), from.words.end(), word) != from.words.end();
}

void parse_client_status(const arguments& from, event& out) {
    if (has_word(from, "BOOTSTRAP")) out.bootstrap = bootstrap_of(from);
    if (has_word(from, "CIRCUIT_ESTABLISHED")) out.circuits = true;
    if (has_word(from, "CIRCUIT_NOT_ESTABLISHED")) out.circuits = false;
}

std::string trouble_of(const arguments& from) {
    if (from.words.size() < 3 || (from.words[1] != "WARN" && from.words[1] != "ERR")) return {};
    if (has_word(from, "BOOTSTRAP")) return {};
    std::string out = printable(from.words[2], 60);
    for (const auto& [name, value] : from.values)
        out += " " + printable(name, 40) + "=" + printable(value, 100);
    return printable(out);
}

descriptor_event descriptor_of(const arguments& from) {
    using kind = descriptor_event::kind;
    descriptor_event out;
    if (from.words.size() < 3) return out;
    const std::string_view what = from.words[1];
    out.what = what == "CREATED"    ? kind::created
               : what == "UPLOAD"   ? kind::upload
               : what == "UPLOADED" ? kind::uploaded
               : what == "FAILED"   ? kind::failed
                                    : kind::other;
    out.service = printable(from.words[2], 80);
    out.reason = text_value(from, "REASON");
    return out;
}

} // namespace

std::optional<bootstrap_phase> parse_bootstrap(std::string_view status) {
    const auto found = parse_arguments(status);
    return found && has_word(*found, "BOOTSTRAP") ? bootstrap_of(*found) : std::nullopt;
}

event parse_event(const reply& from) {
    event out;
    if (!from.is_event() || from.lines.empty()) return out;
    const auto found = parse_arguments(from.lines.front().text);
    if (!found || found->words.empty()) return out;
    const auto& name = found->words.front();
    if (name == "STATUS_CLIENT") parse_client_status(*found, out);
    if (name == "STATUS_CLIENT" || name == "STATUS_GENERAL") out.trouble = trouble_of(*found);
    if (name == "HS_DESC") out.descriptor = descriptor_of(*found);
    return out;
}

log_line parse_log_line(std::string_view line) {
    using severity = log_line::severity;
    constexpr std::array<std::pair<std::string_view, severity>, 5> levels = {{{"[err] ", severity::error},
                                                                              {"[warn] ", severity::warning},
                                                                              {"[notice] ", severity::notice},
                                                                              {"[info] ", severity::debug},
                                                                              {"[debug] ", severity::debug}}};
    constexpr std::size_t latest = 32; // the time stands in front, if anything does
    for (const auto& [mark, level] : levels) {
        const auto at = line.substr(0, latest + mark.size()).find(mark);
        if (at != std::string_view::npos) return {level, printable(line.substr(at + mark.size()), 1000)};
    }
    return {severity::notice, printable(line, 1000)};
}

std::vector<std::string> parse_listeners(std::string_view value) {
    const auto found = parse_arguments(value);
    return found ? found->words : std::vector<std::string>();
}

} // namespace plexus::tor_control
