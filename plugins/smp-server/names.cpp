#include "names.hpp"

#include "plexus/abi.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>

namespace plexus::smp_server {
namespace {

namespace msg = smp::msg;

bool is_object(bytes_view record) {
    boost::json::error_code failure;
    const auto value = boost::json::parse(as_text(record), failure);
    return !failure && value.is_object();
}

} // namespace

void names::fail(const reply_to& to, smp::name_error why, std::string_view words) {
    counts_.add(why == smp::name_error::no_resolver ? counted::name_disabled
                : why == smp::name_error::not_found ? counted::name_not_found
                                                    : counted::name_errors);
    auto out = smp::make_server_error(why);
    out.text = words;
    outputs_.name_answer(to, msg::err{std::move(out)});
}

void names::resolve(const reply_to& from, bytes_view name) {
    counts_.add(counted::name_requests);
    if (resolver_ == nullptr) return fail(from, smp::name_error::no_resolver);
    const auto of_client = std::count_if(asked_.begin(), asked_.end(), [&](const question& each) {
        return each.from.connection == from.connection;
    });
    if (asked_.size() >= most || static_cast<std::size_t>(of_client) >= most_of_one)
        return fail(from, smp::name_error::resolver, "busy");
    auto& added = asked_.emplace_back();
    added.owner = this;
    added.from = from;
    added.since = outputs_.name_now();
    added.self = std::prev(asked_.end());
    std::string small(as_text(name));
    for (auto& each : small)
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
    const plexus_view_completion done{
        [](void* context, std::int32_t code, const plexus_error*, plexus_view record) {
            auto& which = *static_cast<question*>(context);
            which.owner->resolved(which, code, code == PLEXUS_OK ? from_abi(record) : bytes_view());
        },
        &added};
    const auto code = resolver_->resolve(resolver_->service.self, to_abi(std::string_view(small)), done);
    if (code != PLEXUS_OK) resolved(added, code, {});
}

void names::resolved(question& which, std::int32_t code, bytes_view record) {
    const auto from = which.from;
    const bool given_up = which.given_up;
    asked_.erase(which.self);
    if (given_up) return;
    if (code == PLEXUS_E_NOT_FOUND) return fail(from, smp::name_error::not_found);
    if (code == PLEXUS_E_TIMEOUT) return fail(from, smp::name_error::resolver, "timeout");
    if (code != PLEXUS_OK) return fail(from, smp::name_error::resolver, "resolver error");
    if (record.size() > PLEXUS_NAME_RECORD_MOST)
        return fail(from, smp::name_error::resolver, "response too large");
    if (!is_object(record)) return fail(from, smp::name_error::resolver, "invalid response");
    counts_.add(counted::name_found);
    outputs_.name_answer(from, msg::rname{record});
}

void names::check_time() {
    const auto oldest = outputs_.name_now() - patience;
    for (auto& each : asked_)
        if (!each.given_up && each.since < oldest) {
            each.given_up = true;
            fail(each.from, smp::name_error::resolver, "timeout");
        }
}

} // namespace plexus::smp_server
