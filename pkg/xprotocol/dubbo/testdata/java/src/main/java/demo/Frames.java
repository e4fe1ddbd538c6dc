package demo;

import java.io.ByteArrayInputStream;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.time.LocalDateTime;
import java.util.*;
import org.apache.dubbo.common.URL;
import org.apache.dubbo.remoting.Channel;
import org.apache.dubbo.remoting.buffer.ChannelBuffer;
import org.apache.dubbo.remoting.buffer.ChannelBuffers;
import org.apache.dubbo.remoting.exchange.HeartBeatResponse;
import org.apache.dubbo.remoting.exchange.Request;
import org.apache.dubbo.remoting.exchange.Response;
import org.apache.dubbo.rpc.AppResponse;
import org.apache.dubbo.rpc.RpcInvocation;
import org.apache.dubbo.rpc.model.FrameworkModel;
import org.apache.dubbo.rpc.model.ModuleServiceRepository;
import org.apache.dubbo.rpc.protocol.dubbo.DecodeableRpcInvocation;
import org.apache.dubbo.rpc.protocol.dubbo.DecodeableRpcResult;
import org.apache.dubbo.rpc.protocol.dubbo.DubboCodec;

/**
 * "write FILE LARGE" writes frames as Dubbo's codec encodes them, a line each: name, frame in hex. "read FILE" decodes
 * such lines by Dubbo's codec and prints what they say.
 */
public final class Frames {
    private static final String SERVICE = "demo.Api";
    private static final DubboCodec CODEC = new DubboCodec(FrameworkModel.defaultModel());

    private final String serialization;
    private final byte id;
    private final PrintStream out;
    private final PrintStream large;

    private Frames(String serialization, int id, PrintStream out, PrintStream large) {
        this.serialization = serialization;
        this.id = (byte) id;
        this.out = out;
        this.large = large;
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("read")) {
            read(args[1]);
            return;
        }
        try (PrintStream out = new PrintStream(args[1]); PrintStream large = new PrintStream(args[2])) {
            for (Frames f : List.of(new Frames("hessian2", 2, out, large), new Frames("fastjson2", 23, out, large))) {
                f.requests();
                f.attachments();
                f.arguments();
                f.events();
                f.responses();
            }
        }
    }

    private void requests() throws Exception {
        Map<String, Object> usual = new LinkedHashMap<>();
        usual.put("group", "blue");
        usual.put("timeout", "3000");
        usual.put("remote.application", "caller");
        Class<?>[] string = {String.class};
        emit("req-hello", request(1, "sayHello", string, new Object[] {"world"}, usual, "1.0.0"));
        Request oneWay = request(2, "sayHello", string, new Object[] {"world"}, usual, "1.0.0");
        oneWay.setTwoWay(false);
        emit("req-oneway", oneWay);
        emit("req-noargs", request(3, "nothing", new Class[0], new Object[0], usual, "1.0.0"));
        emit("req-noversion", request(4, "nothing", new Class[0], new Object[0], Map.of("group", "g"), null));
        emit("req-generic", request(8, "$invoke", new Class[] {String.class, String[].class, Object[].class},
                new Object[] {"sayHello", new String[] {"java.lang.String"}, new Object[] {"world"}},
                Map.of("generic", "true", "group", "blue"), "1.0.0"));
        emit("req-echo", request(9, "$echo", new Class[] {Object.class}, new Object[] {"ping"}, usual, "1.0.0"));
        emit("req-countdown", request(10, "nothing", new Class[0], new Object[0], Map.of("_TO", 700), "0.0.0"));
    }

    /** Attachments of all kinds; their one object is of a class that the arguments' are of. */
    private void attachments() throws Exception {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("an-int", 5000);
        all.put("a-long", 123456789012345L);
        all.put("a-bool", true);
        all.put("a-double", 3.25);
        all.put("a-date", new Date(894621091000L));
        all.put("a-list", new ArrayList<>(List.of("x", 1, 2L)));
        all.put("a-map", new LinkedHashMap<>(Map.of("k", "v")));
        all.put("an-item", new Api.Item("attached", 7));
        all.put("empty", "");
        all.put("chinese", "\u4e2d\u6587\u6d4b\u8bd5");
        all.put("latin", "caf\u00e9");
        all.put("emoji", "a\ud83d\ude00b");
        for (int n : new int[] {31, 32, 47, 48, 1023, 1024, 2100}) {
            all.put("long" + n, "x".repeat(n));
        }
        all.put("longchinese", "\u4e2d".repeat(1100));
        all.put("timeout", 2500);
        all.put("group", "green");
        all.put("nothing", null);
        all.put("bytes", new byte[] {1, 2, 3});
        Api.Item first = new Api.Item("first", 1);
        first.parts = new ArrayList<>(List.of(new Api.Item("p1", 1), new Api.Item("p2", 2)));
        Object[] args = {new ArrayList<>(List.of(first, first)), first};
        emit("req-attachments", request(5, "items", new Class[] {List.class, Api.Item.class}, args, all, "1.0.0"));
    }

    private void arguments() throws Exception {
        Map<String, Object> props = new LinkedHashMap<>();
        props.put("i", 1);
        props.put("s", "t");
        props.put("n", null);
        Api.Item item = new Api.Item("item", -70000);
        item.next = new Api.Item("next", 300);
        item.next.next = item;
        item.props = props;
        List<Api.Item> items = new LinkedList<>();
        for (int i = 0; i < 20; i++) {
            items.add(new Api.Item("n" + i, i * 1000));
        }
        Map<String, Api.Item> map = new TreeMap<>(Map.of("one", item, "two", items.get(3)));
        byte[] bytes = new byte[9000];
        Arrays.fill(bytes, (byte) 'Z');
        Object[] args = {
            bytes, new Date(1700000000123L), 12.25, 1L << 40, null, new int[] {1, 2, 300000},
            new String[] {"a", null, "\ud83d\ude00"}, items, map, item, Api.Color.GREEN, new BigDecimal("12.345"),
            LocalDateTime.of(2024, 2, 29, 12, 30, 1, 5000), true
        };
        Class<?>[] types = null;
        for (Method m : Api.class.getMethods()) {
            types = m.getName().equals("mixed") ? m.getParameterTypes() : types;
        }
        emit("req-mixed", request(-6, "mixed", types, args, Map.of("group", "blue"), "1.0.0"));

        // Strings of more than 32768 UTF-16 units are sent in pieces.
        Map<String, Object> huge = Map.of("group", "blue", "huge", "h".repeat(0x8000 + 5));
        Object[] emoji = {"\ud83d\ude00\u4e2d-".repeat(12000)};
        emit(large, "req-pieces", request(7, "sayHello", new Class[] {String.class}, emoji, huge, "1.0.0"), channel());
    }

    private void events() throws Exception {
        Request heartbeat = event(11, true, null);
        emit("heartbeat", heartbeat);
        emit("readonly", event(12, false, "R"));
        emit("writeable", event(13, false, "W"));
        HeartBeatResponse answer = new HeartBeatResponse(11, "2.0.2");
        answer.setEvent((String) null);
        answer.setProto(id);
        emit("heartbeat-answer", answer);
    }

    private static Request event(long id, boolean twoWay, String data) {
        Request r = new Request(id);
        r.setVersion("2.0.2");
        r.setTwoWay(twoWay);
        r.setEvent(data);
        return r;
    }

    private void responses() throws Exception {
        for (int status : new int[] {31, 60}) {
            Response r = new Response(14, "2.0.2");
            r.setStatus((byte) status);
            r.setErrorMessage("no such service: caf\u00e9 \u4e2d\ud83d\ude00");
            emit("resp-status" + status, r);
        }
        Api.Item item = new Api.Item("item", -70000);
        item.next = new Api.Item("next", 300);
        item.next.next = item;
        Map<String, Object> of = new TreeMap<>(Map.of("trace", "abc", "of", new Api.Item("x", 1)));
        response("resp-value", 15, new AppResponse("Hello world"), "2.0.2", new TreeMap<>(Map.of("trace", "abc", "cost", 12)));
        response("resp-item", 16, new AppResponse(item), "2.0.2", of);
        response("resp-null", 17, new AppResponse(), "2.0.2", Map.of());
        response("resp-exception", 18, new AppResponse(new IllegalStateException("boom")), "2.0.2", Map.of("trace", "abc"));
        response("resp-old-value", 19, new AppResponse("Hello world"), "2.6.5", Map.of());
        response("resp-old-null", 20, new AppResponse(), "2.6.5", Map.of());
        response("resp-old-exception", 21, new AppResponse(new IllegalStateException("boom")), "2.6.5", Map.of());
    }

    private void response(String name, long number, AppResponse result, String version, Map<String, Object> attachments)
            throws Exception {
        attachments.forEach(result::setObjectAttachment);
        Response r = new Response(number, version);
        r.setStatus(Response.OK);
        r.setResult(result);
        emit(name, r);
    }

    private Request request(long number, String method, Class<?>[] types, Object[] args, Map<String, Object> attachments,
            String version) {
        RpcInvocation inv = new RpcInvocation(null, method, SERVICE, SERVICE, types, args);
        inv.getObjectAttachments().clear();
        inv.setObjectAttachment("path", SERVICE);
        inv.setObjectAttachment("interface", SERVICE);
        if (version != null) {
            inv.setObjectAttachment("version", version);
        }
        attachments.forEach(inv::setObjectAttachment);
        inv.put("serialization_id", id);
        Request r = new Request(number);
        r.setVersion("2.0.2");
        r.setTwoWay(true);
        r.setData(inv);
        return r;
    }

    private void emit(String name, Object message) throws Exception {
        emit(out, name, message, channel());
    }

    private void emit(PrintStream to, String name, Object message, Channel channel) throws Exception {
        ChannelBuffer buffer = ChannelBuffers.dynamicBuffer(256);
        CODEC.encode(channel, buffer, message);
        byte[] frame = new byte[buffer.readableBytes()];
        buffer.readBytes(frame);
        to.println(serialization + "-" + name + "\t" + HexFormat.of().formatHex(frame));
    }

    private Channel channel() {
        return channel(URL.valueOf("dubbo://127.0.0.1:20880/" + SERVICE + "?serialization=" + serialization));
    }

    private static Channel channel(URL url) {
        Map<Object, Object> attributes = new HashMap<>();
        return (Channel) Proxy.newProxyInstance(Frames.class.getClassLoader(), new Class<?>[] {Channel.class}, (p, m, a) -> {
            switch (m.getName()) {
                case "getUrl": return url;
                case "getAttribute": return attributes.get(a[0]);
                case "setAttribute": return attributes.put(a[0], a[1]);
                case "getLocalAddress":
                case "getRemoteAddress": return new InetSocketAddress("127.0.0.1", 20880);
                case "toString": return "channel";
                default: throw new UnsupportedOperationException(m.getName());
            }
        });
    }

    private static void read(String file) throws Exception {
        System.setProperty("serialization.security.check", "false"); // the services are not exported
        ModuleServiceRepository services =
                FrameworkModel.defaultModel().defaultApplication().getDefaultModule().getServiceRepository();
        services.registerService(Api.class);
        services.registerService("changed.Service", Api.class);
        Channel channel = channel(URL.valueOf("dubbo://127.0.0.1:20880/" + SERVICE));
        for (String line : Files.readAllLines(Paths.get(file))) {
            String[] f = line.split("\t");
            byte[] frame = HexFormat.of().parseHex(f[1]);
            Object message = CODEC.decode(channel, ChannelBuffers.wrappedBuffer(frame));
            System.out.println(f[0] + "\t" + (message instanceof Request
                    ? show((Request) message) : show(frame, channel, (Response) message)));
        }
    }

    private static String show(Request r) throws Exception {
        String front = "request " + r.getId() + (r.isTwoWay() ? "" : " one-way");
        if (!(r.getData() instanceof DecodeableRpcInvocation)) {
            return front + " " + show(r.getData());
        }
        DecodeableRpcInvocation inv = (DecodeableRpcInvocation) r.getData();
        inv.decode();
        if (r.isBroken()) {
            return front + " BROKEN " + r.getData();
        }
        return front + " " + inv.getTargetServiceUniqueName() + " " + inv.getMethodName() + show(inv.getArguments())
                + " " + show(inv.getObjectAttachments());
    }

    private static String show(byte[] frame, Channel channel, Response r) throws Exception {
        String front = "response " + r.getId() + " status " + frame[3] + " ";
        if (frame[3] != Response.OK) {
            return front + r.getErrorMessage();
        }
        if (r.isEvent()) {
            return front + show(r.getResult());
        }
        // The codec wants the request that is answered; its parts do without.
        DecodeableRpcResult result = new DecodeableRpcResult(channel, r,
                new ByteArrayInputStream(frame, 16, frame.length - 16), new RpcInvocation(), (byte) (frame[2] & 0x1f));
        result.decode();
        return front + show(result.hasException() ? result.getException() : result.getValue()) + " "
                + show(result.getObjectAttachments());
    }

    private static String show(Object v) {
        if (v instanceof byte[]) {
            return "bytes:" + ((byte[]) v).length;
        }
        if (v instanceof int[]) {
            return Arrays.toString((int[]) v);
        }
        if (v instanceof Object[]) {
            StringJoiner s = new StringJoiner(" ", "(", ")");
            for (Object o : (Object[]) v) {
                s.add(show(o));
            }
            return s.toString();
        }
        if (v instanceof Map) {
            StringJoiner s = new StringJoiner(" ", "{", "}");
            new TreeMap<>((Map<?, ?>) v).forEach((k, o) -> s.add(k + "=" + show(o)));
            return s.toString();
        }
        if (v == null) {
            return "null";
        }
        String s = v.toString();
        return v.getClass().getSimpleName() + ":" + (s.length() > 60 ? s.length() + "#" + Integer.toHexString(s.hashCode()) : s);
    }
}
