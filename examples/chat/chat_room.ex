defmodule ChatRoom do
  # A room of the chat on an Elixir node; speaks the messages of chat_server.hpp.
  use GenServer

  def start_link(room), do: GenServer.start_link(__MODULE__, room, name: room)

  @impl true
  def init(room), do: {:ok, {room, %{}}}

  @impl true
  def handle_call({:join, pid}, _from, {room, members}) when is_map_key(members, pid) do
    {:reply, {:error, :already_joined}, {room, members}}
  end

  def handle_call({:join, pid}, _from, {room, members}) do
    {:reply, :ok, {room, Map.put(members, pid, Process.monitor(pid))}}
  end

  def handle_call({:leave, pid}, _from, {room, members}) do
    {monitor, rest} = Map.pop(members, pid)
    if monitor, do: Process.demonitor(monitor, [:flush])
    {:reply, :ok, {room, rest}}
  end

  def handle_call(:members, _from, {room, members}) do
    {:reply, Map.keys(members), {room, members}}
  end

  @impl true
  def handle_cast({:message, from, text}, {room, members}) do
    for {pid, _} <- members, do: send(pid, {:chat_message, room, from, text, :os.timestamp()})
    {:noreply, {room, members}}
  end

  @impl true
  def handle_info({:DOWN, _monitor, :process, pid, _reason}, {room, members}) do
    {:noreply, {room, Map.delete(members, pid)}}
  end
end
