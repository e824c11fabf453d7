// RSLV: names are looked up by a resolver plugin, if there is one; how many at once, and for how long, is
// bounded here. Each shard has one.
#pragma once

#include "engine/ids.hpp"
#include "engine/statistics.hpp"

#include "plexus/abi/draft/resolver.h"
#include "plexus/smp/message.hpp"

#include <chrono>
#include <list>

namespace plexus::smp_server {

class name_outputs {
  public:
    virtual ~name_outputs() = default;
    /// RNAME or ERR. Views in it live until the call returns.
    virtual void name_answer(const reply_to& to, const smp::message& content) = 0;
    virtual std::chrono::nanoseconds name_now() = 0;
};

class names {
  public:
    static constexpr std::size_t most = 64;        ///< looked up at once
    static constexpr std::size_t most_of_one = 16; ///< of these, for one client
    static constexpr std::chrono::nanoseconds patience{std::chrono::seconds(30)};

    /// Without a resolver every question is answered so.
    names(const plexus_name_resolver* resolver, name_outputs& outputs, statistics& counts)
        : resolver_(resolver), outputs_(outputs), counts_(counts) {}
    names(const names&) = delete;
    names& operator=(const names&) = delete;

    void resolve(const reply_to& from, bytes_view name);
    /// Once a second or so: gives up what takes too long.
    void check_time();
    /// Nothing will call back.
    bool is_quiet() const noexcept { return asked_.empty(); }

  private:
    struct question {
        names* owner = nullptr;
        reply_to from;
        std::chrono::nanoseconds since{};
        bool given_up = false;
        std::list<question>::iterator self;
    };
    void resolved(question& which, std::int32_t code, bytes_view record);
    void fail(const reply_to& to, smp::name_error why, std::string_view words = {});

    const plexus_name_resolver* resolver_;
    name_outputs& outputs_;
    statistics& counts_;
    std::list<question> asked_;
};

} // namespace plexus::smp_server
