// One HTTP/1.1 connection on a stream: requests in, one answer at a time out, within limits of size and time.
// Used by the plugin.
#pragma once

#include "pages.hpp"

#include "plexus/stream.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <functional>

namespace plexus::smp_web {

using answer_function = std::function<void(page)>;
/// Answers a GET or HEAD once, also later, on the shard of the call.
using request_handler = std::function<void(std::string target, answer_function done)>;

class connection : public std::enable_shared_from_this<connection> {
  public:
    connection(loop_ref loop, stream peer, request_handler handler, std::function<void(connection&)> closed);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    void start();
    /// Calls `closed`; the stream is gone.
    void close();

  private:
    using parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;

    void readable();
    void read();
    bool parse();
    void handle();
    void answer(const page& found);
    void write();
    void begin_request();

    loop_ref loop_;
    stream stream_;
    request_handler handler_;
    std::function<void(connection&)> closed_;
    timer deadline_;
    std::optional<parser> parser_;
    std::string in_;
    std::string out_;
    std::size_t written_ = 0;
    bool answering_ = false;
    bool with_body_ = true;
    bool keep_alive_ = false;
};

} // namespace plexus::smp_web
