#include "node/remote_log.hpp"

#include <gtest/gtest.h>

#include "barrel/term/term_text.hpp"

namespace barrel::node {
namespace {

const NodeName here{"me@127.0.0.1"};

RemoteLogEvent event_of(std::string_view message) {
  const auto event = read_log_event(*parse_term(message), here);
  EXPECT_TRUE(event) << message;
  return event.value_or(RemoteLogEvent{});
}

TEST(RemoteLog, AFormatIsFilledIn) {
  const auto event = event_of(R"({log,error,"Error in process ~p:~n~p~n",[x,{badarg,[]}],#{time => 1}})");
  EXPECT_EQ(event.text, "Error in process x:\n{badarg,[]}");
  EXPECT_EQ(event.level, LogLevel::error);
  EXPECT_EQ(event.pid, "");
}

TEST(RemoteLog, AReportIsShownAsATermAndTextAsText) {
  EXPECT_EQ(event_of("{log,warning,#{label => crash},#{}}").text, "#{label => crash}");
  EXPECT_EQ(event_of(R"({log,notice,#{label => x,format => "~w!",args => [1]},#{}})").text, "1!");
  EXPECT_EQ(event_of(R"({log,info,"all is well",#{}})").text, "all is well");
}

TEST(RemoteLog, LevelsAreThoseOfThisNode) {
  EXPECT_EQ(event_of("{log,alert,a,#{}}").level, LogLevel::error);
  EXPECT_EQ(event_of("{log,warning,a,#{}}").level, LogLevel::warning);
  EXPECT_EQ(event_of("{log,notice,a,#{}}").level, LogLevel::info);
  EXPECT_EQ(event_of("{log,debug,a,#{}}").level, LogLevel::debug);
}

TEST(RemoteLog, WhatIsNoEventIsNone) {
  for (const char* message :
       {"hello", "{log,error,a}", "{log,loud,a,#{}}", "{log,1,a,#{}}", "{logs,error,a,#{}}"})
    EXPECT_FALSE(read_log_event(*parse_term(message), here)) << message;
  EXPECT_EQ(event_of(R"({log,error,"~p",not_a_list,no_map})").text, R"({"~p",not_a_list})");
}

TEST(RemoteLog, AnEventIsCutBetweenTwoCharacters) {
  std::string text;
  for (std::size_t i = 0; i < remote_log_text_bytes_max; ++i) text += "\u00e4";
  text.insert(text.begin(), 'x');
  const auto event = read_log_event(Term::tuple_of(Atom("log"), Atom("error"), text, Term()), here);
  ASSERT_TRUE(event);
  EXPECT_LE(event->text.size(), remote_log_text_bytes_max + 3);
  EXPECT_TRUE(event->text.ends_with("\u00e4...")) << event->text.substr(event->text.size() - 8);
}

}  // namespace
}  // namespace barrel::node
