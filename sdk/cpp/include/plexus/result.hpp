// Errors as values. A function that can fail returns result<T>; what failed is an error: whose it is
// (domain), which one (a code from 1, an enum documented by that domain), and a sentence for a person.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace plexus {

class error {
  public:
    /// `domain` must outlive every copy (a literal). `code` is from 1.
    error(const char* domain, std::int32_t code, std::string message, bool retryable = false)
        : domain_(domain), code_(code), retryable_(retryable), message_(std::move(message)) {}

    std::string_view domain() const noexcept { return domain_; }
    std::int32_t code() const noexcept { return code_; }
    bool retryable() const noexcept { return retryable_; }
    const std::string& message() const noexcept { return message_; }

    /// True if this is `value` of an enum whose domain is named by an `error_domain(Enum)` found by ADL.
    template <typename Enum>
    bool is(Enum value) const noexcept {
        return domain_ == std::string_view(error_domain(value)) && code_ == static_cast<std::int32_t>(value);
    }

  private:
    const char* domain_;
    std::int32_t code_;
    bool retryable_;
    std::string message_;
};

/// An error of an enum that has `const char* error_domain(Enum)` beside it.
template <typename Enum>
error make_error(Enum value, std::string message, bool retryable = false) {
    return error(error_domain(value), static_cast<std::int32_t>(value), std::move(message), retryable);
}

/// A value or an error. Reading the wrong one is a broken invariant and throws std::bad_variant_access.
template <typename T>
class [[nodiscard]] result {
  public:
    using value_type = T;

    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(plexus::error failure) : state_(std::in_place_index<1>, std::move(failure)) {}

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    plexus::error& error() & { return std::get<1>(state_); }
    const plexus::error& error() const& { return std::get<1>(state_); }
    plexus::error&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, plexus::error> state_;
};

template <>
class [[nodiscard]] result<void> {
  public:
    using value_type = void;

    result() = default;
    result(plexus::error failure) : state_(std::move(failure)) {}

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    plexus::error& error() & { return std::get<1>(state_); }
    const plexus::error& error() const& { return std::get<1>(state_); }
    plexus::error&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<std::monostate, plexus::error> state_;
};

} // namespace plexus

#define PLEXUS_CONCAT_(a, b) a##b
#define PLEXUS_CONCAT(a, b) PLEXUS_CONCAT_(a, b)

/// `PLEXUS_TRY(auto x, f());` declares x from a result's value, or returns the error from this function.
#define PLEXUS_TRY(declaration, ...)                                                                         \
    auto PLEXUS_CONCAT(plexus_try_, __LINE__) = (__VA_ARGS__);                                               \
    if (!PLEXUS_CONCAT(plexus_try_, __LINE__))                                                               \
        return std::move(PLEXUS_CONCAT(plexus_try_, __LINE__)).error();                                      \
    declaration = std::move(PLEXUS_CONCAT(plexus_try_, __LINE__)).value()

/// The same for a result<void>.
#define PLEXUS_CHECK(...)                                                                                    \
    do {                                                                                                     \
        auto plexus_check_ = (__VA_ARGS__);                                                                  \
        if (!plexus_check_) return std::move(plexus_check_).error();                                         \
    } while (false)
