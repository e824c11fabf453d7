// What is answered to a request: the information page, the pages of links, their files, and on the operator's
// own listener metrics and health. No streams here. Used by the plugin.
#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace plexus::smp_web {

struct page {
    unsigned status = 200;
    std::string_view type = "text/html; charset=utf-8";
    std::string body;
};

/// Of the operator, from the configuration; an empty text is not shown.
struct operator_data {
    std::string name;
    std::string country;
    std::string website;
    std::string admin;      ///< how to reach who runs the server
    std::string complaints; ///< where to complain about what is on it
    std::string hosting;
    std::string hosting_country;
    std::string server_country;
    std::string conditions; ///< of use: an address
    std::string source_code;
};

/// `target` as in the request line. `facts` is what the server says of itself.
page public_page(std::string_view target, const operator_data& about, const boost::json::object& facts);

page error_page(unsigned status);

/// The header and the body of an answer; for HEAD the body is left out.
std::string http_response(const page& from, bool with_body, bool keep_alive);

} // namespace plexus::smp_web
