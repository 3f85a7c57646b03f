#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "barrel/process/call.hpp"
#include "barrel/process/send.hpp"

#pragma GCC visibility push(default)  // exported by the shared library
namespace barrel::detail {

/// Whom a request came from: what is needed to answer it once, or never. Move-only; may be answered in
/// another process than the called one. Dropped without an answer, the caller learns only the end of the
/// called process, as in Erlang.
class Caller {
 public:
  /// A request of this node, which `callee` took from its queue. Owns it: the payload lives as long as this.
  Caller(Process& callee, CallHeader* call);
  /// A request that came as a term, with `from` = {Pid, Tag}; Tag is sent back as it is.
  Caller(Process& callee, const Pid& pid, Term tag);
  Caller(Caller&& other) noexcept
      : runtime_(other.runtime_),
        callee_(other.callee_),
        call_(std::exchange(other.call_, nullptr)),
        pid_(other.pid_),
        by_term_(std::exchange(other.by_term_, false)),
        tag_(std::move(other.tag_)) {}
  /// What this held is dropped.
  Caller& operator=(Caller&& other) noexcept {
    if (this == &other) return *this;
    if (call_ != nullptr) let_go(false);
    runtime_ = other.runtime_;
    callee_ = other.callee_;
    call_ = std::exchange(other.call_, nullptr);
    pid_ = other.pid_;
    by_term_ = std::exchange(other.by_term_, false);
    tag_ = std::move(other.tag_);
    return *this;
  }
  ~Caller() {
    if (call_ != nullptr) let_go(false);
  }

  [[nodiscard]] const Pid& pid() const noexcept { return pid_; }

  template <class R>
  void reply(R value) {
    if (call_ != nullptr) {
      (void)deliver({runtime_, nullptr}, pid_,
                    new_envelope<ReplyMessage<R>>(call_->number, std::move(value)));
      let_go(true);
    } else if (std::exchange(by_term_, false)) {
      reply_tagged(TaggedReply<R>(tag_, value), MessageCodec<R>::to_term, value);
    }
  }

 private:
  /// {Tag, Reply}.
  template <class R>
  class TaggedReply final : public EncodablePayload {
   public:
    TaggedReply(const Term& tag, const R& value) : tag_(tag), value_(value) {}
    void encode(ByteWriter& out) const override {
      out.u8(104);  // SMALL_TUPLE_EXT
      out.u8(2);
      encode_etf(out, tag_);
      MessageCodec<R>::encode(out, value_);
    }

   private:
    const Term& tag_;
    const R& value_;
  };

  template <class R>
  void reply_tagged(const TaggedReply<R>& payload, Term (*to_term)(const R&), const R& value) {
    if (is_local({runtime_, nullptr}, pid_)) {
      deliver_tagged(make_message(Term::tuple_of(tag_, to_term(value))));
    } else {
      send_remote(payload);
    }
  }
  void deliver_tagged(Envelope* reply) const;
  void send_remote(const EncodablePayload& payload) const;
  /// OTP's rule: a tag [alias | Ref], or one that begins with it, is answered to the alias, any other to the
  /// pid.
  [[nodiscard]] std::optional<Ref> alias() const;
  void let_go(bool answered) noexcept;

  Runtime* runtime_;
  Pid callee_;
  CallHeader* call_ = nullptr;
  Pid pid_;
  bool by_term_ = false;  ///< And not answered yet.
  Term tag_;
};

/// {Pid, Tag} of a '$gen_call' from its second element.
struct CallFrom {
  Pid pid;
  Term tag;
};
[[nodiscard]] std::optional<CallFrom> parse_call_from(const Term& from);

}  // namespace barrel::detail
#pragma GCC visibility pop
