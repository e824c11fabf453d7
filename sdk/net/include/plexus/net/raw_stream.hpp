// A raw stream: a connected socket, or what a transport below made, without a layer of its own.
#pragma once

#include "plexus/net/base_stream.hpp"

namespace plexus::net {

class raw_stream : public base_stream {
  public:
    using base_stream::base_stream;

  private:
    std::int32_t read(bytes_span out, std::size_t& taken) override;
    std::int32_t write(bytes_view in, std::size_t& given) override;
    bool end() override;
    std::int32_t release(std::int32_t& out) override;
};

} // namespace plexus::net
