package com.example.bolt;

import com.alipay.remoting.BizContext;
import com.alipay.remoting.Connection;
import com.alipay.remoting.rpc.RpcServer;
import com.alipay.remoting.rpc.protocol.RpcProtocolV2;
import com.example.bolt.Messages.AskMeRequest;
import com.example.bolt.Messages.CountQuery;
import com.example.bolt.Messages.CountRequest;
import com.example.bolt.Messages.EchoReply;
import com.example.bolt.Messages.EchoRequest;
import com.example.bolt.Messages.FailRequest;
import com.example.bolt.Messages.Question;
import io.netty.channel.Channel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A plain bolt server: one processor for each class of request. It speaks whichever version of bolt a connection opens with. */
public final class Server {
    private static final int ASK_TIMEOUT_MILLIS = 3000;

    private final Map<String, Integer> counts = new ConcurrentHashMap<>();
    private final RpcServer rpc;

    private Server(int port) {
        rpc = new RpcServer("127.0.0.1", port);
        rpc.registerUserProcessor(new Processor<>(EchoRequest.class, Server::echo));
        rpc.registerUserProcessor(new Processor<>(CountRequest.class, (context, r) -> counts.merge(r.key, 1, Integer::sum)));
        rpc.registerUserProcessor(new Processor<>(CountQuery.class, (context, r) -> counts.getOrDefault(r.key, 0)));
        rpc.registerUserProcessor(new Processor<>(FailRequest.class, Server::fail));
        rpc.registerUserProcessor(new Processor<>(AskMeRequest.class, this::askBack));
    }

    public static void main(String[] args) {
        int port = Integer.parseInt(args[0]);
        new Server(port).rpc.startup();
        System.out.println("ready " + port);
    }

    private static Object echo(BizContext context, EchoRequest request) throws InterruptedException {
        if (request.sleepMillis > 0) {
            Thread.sleep(request.sleepMillis);
        }
        EchoReply reply = new EchoReply();
        reply.text = request.text;
        reply.body = request.body;
        Channel channel = context.getConnection().getChannel();
        reply.protocol = channel.attr(Connection.PROTOCOL).get().getFirstByte();
        if (reply.protocol == RpcProtocolV2.PROTOCOL_CODE) {
            reply.version = channel.attr(Connection.VERSION).get();
        }
        return reply;
    }

    private static Object fail(BizContext context, FailRequest request) {
        throw new IllegalStateException(request.message);
    }

    private Object askBack(BizContext context, AskMeRequest request) throws Exception {
        return rpc.invokeSync(context.getConnection(), new Question(request.question), ASK_TIMEOUT_MILLIS);
    }
}
