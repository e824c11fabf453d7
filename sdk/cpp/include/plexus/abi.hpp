// Conversions between the C ABI and the C++ ring: views, statuses, error objects, and the guard that keeps
// exceptions from crossing.
#pragma once

#include "plexus/abi/base.h"
#include "plexus/bytes.hpp"
#include "plexus/result.hpp"

#include <exception>
#include <new>

namespace plexus {

/// The status codes of the ABI as an error enum, domain "plexus".
enum class status : std::int32_t {
    invalid = PLEXUS_E_INVALID,
    not_found = PLEXUS_E_NOT_FOUND,
    exists = PLEXUS_E_EXISTS,
    would_block = PLEXUS_E_WOULD_BLOCK,
    cancelled = PLEXUS_E_CANCELLED,
    closed = PLEXUS_E_CLOSED,
    timeout = PLEXUS_E_TIMEOUT,
    limit = PLEXUS_E_LIMIT,
    io = PLEXUS_E_IO,
    full = PLEXUS_E_FULL,
    corrupt = PLEXUS_E_CORRUPT,
    busy = PLEXUS_E_BUSY,
    unsupported = PLEXUS_E_UNSUPPORTED,
    refused = PLEXUS_E_REFUSED,
    unreachable = PLEXUS_E_UNREACHABLE,
    identity = PLEXUS_E_IDENTITY,
    protocol = PLEXUS_E_PROTOCOL,
    denied = PLEXUS_E_DENIED,
    stopping = PLEXUS_E_STOPPING,
    memory = PLEXUS_E_MEMORY,
    internal = PLEXUS_E_INTERNAL,
};

inline const char* error_domain(status) noexcept { return "plexus"; }

/// A few words for a status that came without an error object.
inline const char* describe(std::int32_t code) noexcept {
    switch (code) {
    case PLEXUS_OK: return "done";
    case PLEXUS_E_INVALID: return "an invalid argument";
    case PLEXUS_E_NOT_FOUND: return "not found";
    case PLEXUS_E_EXISTS: return "it is there already";
    case PLEXUS_E_WOULD_BLOCK: return "not ready yet";
    case PLEXUS_E_CANCELLED: return "cancelled";
    case PLEXUS_E_CLOSED: return "closed by the other side";
    case PLEXUS_E_TIMEOUT: return "no answer in time";
    case PLEXUS_E_LIMIT: return "a limit is reached";
    case PLEXUS_E_IO: return "an input or output error";
    case PLEXUS_E_FULL: return "no room left";
    case PLEXUS_E_CORRUPT: return "damaged data";
    case PLEXUS_E_BUSY: return "held by another";
    case PLEXUS_E_UNSUPPORTED: return "not supported";
    case PLEXUS_E_REFUSED: return "connection refused";
    case PLEXUS_E_UNREACHABLE: return "no road to the host";
    case PLEXUS_E_IDENTITY: return "the peer is not who it should be";
    case PLEXUS_E_PROTOCOL: return "the peer broke the protocol";
    case PLEXUS_E_DENIED: return "not permitted";
    case PLEXUS_E_STOPPING: return "stopping";
    case PLEXUS_E_MEMORY: return "no memory";
    case PLEXUS_E_INTERNAL: return "an internal error";
    default: return "an unknown error";
    }
}

inline plexus_view to_abi(bytes_view data) noexcept { return plexus_view{data.data(), data.size()}; }
inline plexus_view to_abi(std::string_view text) noexcept { return to_abi(as_bytes(text)); }
inline bytes_view from_abi(plexus_view data) noexcept {
    return {data.data, static_cast<std::size_t>(data.size)};
}
inline std::string_view text_of(plexus_view data) noexcept { return as_text(from_abi(data)); }

/// The error of a failed call. A foreign domain's code is not kept: the status says what kind it is.
inline error from_abi(std::int32_t code, const plexus_error* failure) {
    const bool retryable = failure != nullptr && (failure->flags & PLEXUS_ERROR_RETRYABLE) != 0;
    std::string message(failure != nullptr ? text_of(failure->message) : describe(code));
    return error("plexus", code, std::move(message), retryable);
}

/// The same for an error object that the caller owns: it is released.
inline error take_error(std::int32_t code, plexus_error* failure) {
    error out = from_abi(code, failure);
    if (failure != nullptr && failure->release != nullptr) failure->release(failure);
    return out;
}

/// The status under which an error crosses the ABI: its own code, or INTERNAL for another domain's.
inline std::int32_t status_of(const error& failure) noexcept {
    return failure.domain() == "plexus" ? failure.code() : PLEXUS_E_INTERNAL;
}

/// An error object over an `error` that outlives it, to lend to a completion.
inline plexus_error lend(const error& failure) noexcept {
    return plexus_error{sizeof(plexus_error),
                        failure.code(),
                        failure.retryable() ? static_cast<std::uint32_t>(PLEXUS_ERROR_RETRYABLE) : 0U,
                        0,
                        to_abi(failure.domain()),
                        to_abi(std::string_view(failure.message())),
                        nullptr};
}

/// Stores an error object that the receiver releases; nothing if `out` is null. Returns the status.
inline std::int32_t give_error(const error& failure, plexus_error** out) noexcept {
    struct owned : plexus_error {
        explicit owned(const error& from) : plexus_error(), kept(from) {
            static_cast<plexus_error&>(*this) = lend(kept);
            this->release = [](plexus_error* self) { delete static_cast<owned*>(self); };
        }
        error kept;
    };
    const std::int32_t code = status_of(failure);
    if (out == nullptr) return code;
    try {
        *out = new owned(failure);
    } catch (...) {
        *out = nullptr; // without a sentence, but with the code
    }
    return code;
}

/// Runs what a function of a service table does. What it throws becomes a status; what it returns as an
/// error, too.
template <typename Function>
std::int32_t guard(plexus_error** out, Function&& function) noexcept {
    try {
        result<void> done = function();
        return done ? PLEXUS_OK : give_error(done.error(), out);
    } catch (const std::bad_alloc&) {
        return PLEXUS_E_MEMORY;
    } catch (const std::exception& e) {
        try {
            return give_error(make_error(status::internal, e.what()), out);
        } catch (...) {
            return PLEXUS_E_INTERNAL;
        }
    } catch (...) {
        return PLEXUS_E_INTERNAL;
    }
}

/// Calls a completion with the outcome of an operation.
inline void complete(const plexus_completion& completion, const result<void>& outcome) noexcept {
    if (outcome) {
        completion.done(completion.context, PLEXUS_OK, nullptr);
    } else {
        const plexus_error failure = lend(outcome.error());
        completion.done(completion.context, status_of(outcome.error()), &failure);
    }
}

} // namespace plexus
