#include "pages.hpp"

#include "site_files.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

namespace plexus::smp_web {
namespace {

namespace json = boost::json;

constexpr std::array link_kinds = {"contact", "invitation", "a", "c", "g", "r", "i"};

/// Which links the phone's system hands to the app. Source: what official servers serve under /.well-known.
constexpr std::string_view android_app =
    R"([{"relation":["delegate_permission/common.handle_all_urls"],"target":{"namespace":"android_app",)"
    R"("package_name":"chat.simplex.app","sha256_cert_fingerprints":[)"
    R"("5E:3E:DC:C2:00:FB:A8:D5:F4:88:F3:CA:4C:32:5B:05:78:C5:6A:9C:03:A1:CC:B5:92:9C:D7:5C:7E:57:E2:4D",)"
    R"("3C:52:C4:FD:3C:AD:1C:07:C9:B0:0A:70:80:E3:58:FA:B9:FE:FC:B8:AF:5A:EC:14:77:65:F1:6D:0F:21:AD:85",)"
    R"("AE:C1:95:DC:FD:46:14:BD:3A:91:EC:26:D1:D5:14:C8:75:71:C5:CC:8D:CF:48:08:3F:92:83:14:3C:A2:B9:A6"]}}])";

std::string apple_app() {
    json::array paths;
    for (const std::string kind : link_kinds) {
        if (kind == "r") continue; // the app does not open these
        paths.push_back(json::object{{"/", "/" + kind + "/*"}});
        paths.push_back(json::object{{"/", "/" + kind}});
    }
    const json::object detail{{"appIDs", json::array{"5NN7GUYB6T.chat.simplex.app"}},
                              {"components", std::move(paths)}};
    return json::serialize(json::object{{"applinks", json::object{{"details", json::array{detail}}}}});
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
        }
    }
    return out;
}

/// A web or mail address is one to follow; anything else is a text.
std::string shown(std::string_view text) {
    const bool address = text.substr(0, 8) == "https://" || text.substr(0, 7) == "mailto:";
    if (!address) return escaped(text);
    return "<a rel=\"noreferrer\" href=\"" + escaped(text) + "\">" + escaped(text) + "</a>";
}

void row(std::string& out, std::string_view name, std::string_view value) {
    if (!value.empty()) out += "<tr><th>" + std::string(name) + "</th><td>" + shown(value) + "</td></tr>\n";
}

std::string with_country(const std::string& name, const std::string& country) {
    return name.empty() || country.empty() ? name : name + " (" + country + ")";
}

std::string text_in(const json::object& from, std::string_view key) {
    const auto* found = from.if_contains(key);
    if (found == nullptr) return {};
    if (found->is_string()) return std::string(found->get_string());
    if (found->is_bool()) return found->get_bool() ? "yes" : "no";
    return json::serialize(*found);
}

std::string lifetime_in(const json::object& from) {
    const auto* found = from.if_contains("messageLifetime");
    if (found == nullptr || !found->is_int64()) return {};
    const auto seconds = found->get_int64();
    if (seconds == 0) return "until they are received";
    if (seconds % 86'400 == 0) return std::to_string(seconds / 86'400) + " days";
    return std::to_string(seconds) + " seconds";
}

std::string information_page(const operator_data& about, const json::object& facts) {
    std::string out =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>SimpleX messaging server</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n"
        "</head>\n<body>\n<h1>SimpleX messaging server</h1>\n"
        "<p>Queues for the messages of SimpleX apps. The server knows neither who sends nor who receives, "
        "and cannot read them.</p>\n<table>\n";
    row(out, "Address", text_in(facts, "address"));
    row(out, "Program", text_in(facts, "program"));
    row(out, "New queues", text_in(facts, "newQueues"));
    row(out, "Password needed for them", text_in(facts, "password"));
    row(out, "Messages kept", lifetime_in(facts));
    row(out, "Messages in a queue", text_in(facts, "quota"));
    row(out, "Operator", with_country(about.name, about.country));
    row(out, "Website", about.website);
    row(out, "Administrator", about.admin);
    row(out, "Complaints", about.complaints);
    row(out, "Hosting", with_country(about.hosting, about.hosting_country));
    row(out, "Country of the server", about.server_country);
    row(out, "Conditions of use", about.conditions);
    row(out, "Source code", about.source_code);
    return out + "</table>\n</body>\n</html>\n";
}

bool is_link(std::string_view path) {
    return std::any_of(link_kinds.begin(), link_kinds.end(), [path](std::string_view kind) {
        const auto rest = path.substr(std::min<std::size_t>(1, path.size()));
        return rest.substr(0, kind.size()) == kind &&
               (rest.size() == kind.size() || rest[kind.size()] == '/');
    });
}

std::string_view reason(unsigned status) {
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    default: return "Service Unavailable";
    }
}

} // namespace

page error_page(unsigned status) {
    page out;
    out.status = status;
    out.type = "text/plain; charset=utf-8";
    out.body = std::to_string(status) + " " + std::string(reason(status)) + "\n";
    return out;
}

page public_page(std::string_view target, const operator_data& about, const json::object& facts) {
    const auto path = target.substr(0, target.find('?'));
    page out;
    if (path == "/" || path == "/index.html") {
        out.body = information_page(about, facts);
    } else if (is_link(path)) {
        out.body = link_page;
    } else if (path == "/link.js" || path == "/qr.js") {
        out.type = "text/javascript; charset=utf-8";
        out.body = path == "/qr.js" ? qr_script : link_script;
    } else if (path == "/style.css") {
        out.type = "text/css; charset=utf-8";
        out.body = style_sheet;
    } else if (path == "/.well-known/assetlinks.json") {
        out.type = "application/json";
        out.body = android_app;
    } else if (path == "/.well-known/apple-app-site-association") {
        out.type = "application/json";
        out.body = apple_app();
    } else {
        return error_page(404);
    }
    return out;
}

std::string http_response(const page& from, bool with_body, bool keep_alive) {
    std::string out =
        "HTTP/1.1 " + std::to_string(from.status) + " " + std::string(reason(from.status)) + "\r\n";
    out += "Content-Type: " + std::string(from.type) + "\r\n";
    out += "Content-Length: " + std::to_string(from.body.size()) + "\r\n";
    out += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    if (from.status == 405) out += "Allow: GET, HEAD\r\n";
    out +=
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Cache-Control: no-cache\r\n\r\n";
    if (with_body) out += from.body;
    return out;
}

} // namespace plexus::smp_web
