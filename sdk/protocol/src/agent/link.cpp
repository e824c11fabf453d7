#include "plexus/agent/link.hpp"

#include "fields.hpp"

namespace plexus::agent {

namespace {

using encoding::reader;
using encoding::writer;

/// Of a link's text, so that its parts fit the lengths of the binary form.
constexpr std::size_t max_link_size = 65'535;

error not_a_link(std::string_view why) {
    return make_error(failure::link, "not a connection link: " + std::string(why));
}

bool take(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool take_scheme(std::string_view& text) {
    if (take(text, "simplex:")) return true;
    if (!take(text, "https://")) return false;
    const auto host = std::min(text.find_first_of(":#,;/ "), text.size());
    if (host == 0) return false;
    text.remove_prefix(host);
    return !take(text, ":") || encoding::take_decimal(text, 65'535);
}

/// Contact addresses published with old versions stay usable.
version_range raise(version_range versions) {
    const auto min = std::max(agent_versions.min, versions.min);
    return {min, std::max(min, versions.max)};
}

} // namespace

connection_mode mode_of(const connection_link& link) noexcept {
    if (const auto* request = std::get_if<connection_request>(&link)) return request->mode();
    return std::get_if<short_link>(&link)->mode;
}

std::string to_text(const connection_request& request, std::string_view scheme) {
    std::string queues;
    for (const auto& queue : request.queues) {
        if (!queues.empty()) queues += ';';
        queues += to_text(queue);
    }
    auto text = std::string(scheme) +
                (request.mode() == connection_mode::invitation ? "/invitation#/?v=" : "/contact#/?v=") +
                encoding::percent_encode(encoding::to_text(request.agent_versions)) +
                "&smp=" + encoding::percent_encode(queues);
    if (request.e2e) text += "&e2e=" + encoding::percent_encode(crypto::to_text(*request.e2e));
    if (request.client_data) text += "&data=" + encoding::percent_encode(*request.client_data);
    return text;
}

std::string to_text(const connection_link& link) {
    return std::visit([](const auto& value) { return to_text(value); }, link);
}

result<connection_request> parse_connection_request(std::string_view text) {
    if (text.size() > max_link_size) return not_a_link("it is too long");
    if (!take_scheme(text) || !take(text, "/"))
        return not_a_link("it begins neither with simplex:/ nor with https://HOST/");
    bool invitation = true;
    if (!take(text, "invitation")) {
        invitation = false;
        if (!take(text, "contact")) return not_a_link("neither an invitation nor a contact address");
    }
    take(text, "/");
    if (!take(text, "#/?")) return not_a_link("it ends early; copy it whole");
    if (text.find_first_of(" \n") != text.npos) return not_a_link("there is a space inside");

    const auto query = encoding::query_string::parse(text);
    connection_request request;
    const auto versions = encoding::parse_version_range(query.find("v").value_or(""));
    if (!versions) return not_a_link("no version in it");
    request.agent_versions = *versions;

    auto queues = query.find("smp").value_or("");
    for (;;) {
        const auto end = std::min(queues.find(';'), queues.size());
        PLEXUS_TRY(auto queue, parse_queue_uri(queues.substr(0, end)));
        request.queues.push_back(std::move(queue));
        if (end == queues.size()) break;
        queues.remove_prefix(end + 1);
    }
    if (request.queues.size() > 255) return not_a_link("too many queues");
    if (const auto data = query.find("data")) request.client_data = std::string(*data);

    if (invitation) {
        const auto e2e = query.find("e2e");
        if (!e2e) return not_a_link("no encryption keys in it; copy it whole");
        auto params = crypto::parse_e2e_params(*e2e);
        if (!params) return not_a_link(params.error().message());
        request.e2e = std::move(*params);
    } else {
        request.agent_versions = raise(request.agent_versions);
    }
    return request;
}

result<connection_link> parse_link(std::string_view text) {
    auto request = parse_connection_request(text);
    if (request) return connection_link(std::move(*request));
    auto link = parse_short_link(text);
    if (link) return connection_link(std::move(*link));
    // Which of the two it was meant to be decides what to say about it.
    const bool full = text.find("/invitation") != text.npos || text.find("/contact") != text.npos;
    return full ? std::move(request).error() : std::move(link).error();
}

connection_request read_connection_request(reader& in) {
    connection_request request;
    const bool invitation = in.accept("I");
    if (!invitation) in.expect("C");
    request.agent_versions = encoding::read_version_range(in);
    for (auto left = in.non_empty_count(); left > 0 && in.ok(); --left) {
        auto queue = read_queue_uri(in);
        // The binary form of addresses whose least version is under 3 leaves the contact mode out.
        if (!queue.address.mode) queue.address.mode = queue_mode::contact;
        request.queues.push_back(std::move(queue));
    }
    if (in.maybe()) request.client_data = to_string(in.large_bytes());
    if (invitation) request.e2e = crypto::read_e2e_params_range(in);
    return request;
}

void write(writer& out, const connection_request& request) {
    out.character(static_cast<char>(request.mode()));
    write(out, request.agent_versions);
    out.list_count(request.queues.size());
    for (const auto& queue : request.queues) write(out, queue);
    out.maybe(request.client_data.has_value());
    if (request.client_data) out.large_bytes(as_bytes(*request.client_data));
    if (request.e2e) crypto::write(out, *request.e2e);
}

} // namespace plexus::agent
