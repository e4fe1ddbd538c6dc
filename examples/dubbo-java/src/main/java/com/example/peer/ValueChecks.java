package com.example.peer;

import static com.example.peer.Report.expect;

import com.example.api.Address;
import com.example.api.Echo;
import com.example.api.Profile;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.dubbo.rpc.service.GenericService;

/** Values go there and back unharmed. */
final class ValueChecks {
    private static final int MEBI = 1 << 20;
    private static final String FASTJSON2 = "serialization=fastjson2&prefer.serialization=fastjson2";

    private final Report report;
    private final String address;

    ValueChecks(Report report, String address) {
        this.report = report;
        this.address = address;
    }

    void run() {
        Remote remote = new Remote(address, "");
        report.check("hessian2-string", () -> strings(remote.refer(Echo.class)));
        report.check("hessian2-unicode", () -> unicode(remote.refer(Echo.class)));
        report.check("hessian2-long", () -> longs(remote.refer(Echo.class)));
        report.check("hessian2-null", () -> nulls(remote.refer(Echo.class)));
        report.check("hessian2-pojo", () -> pojo(remote.refer(Echo.class)));
        report.check("hessian2-1mib-string", () -> large(remote.refer(Echo.class)));
        report.check("generic", () -> generic(remote.referGeneric(Echo.class.getName())));
        report.check("fastjson2", this::fastjson2);
    }

    private static void strings(Echo echo) {
        for (int length : new int[] {0, 1, 31, 32, 1023, 1024, 32768, 32769}) {
            String text = "x".repeat(length);
            expect(text, echo.text(text), "echo");
        }
    }

    private static void unicode(Echo echo) {
        String text = "Grüße, \u0001 Ελλάδα, \u07ff\u0800 世界, e\u0301, \uffee, \ud83d\ude80 \ud834\udd1e \udbff\udffd";
        expect(text, echo.text(text), "echo");
        // Hessian cuts long strings into chunks: not between the halves of a surrogate pair.
        String pairs = "\ud83d\ude80".repeat(40000);
        expect(pairs, echo.text(pairs), "echo of 40000 surrogate pairs");
        expect("x" + pairs, echo.text("x" + pairs), "echo of surrogate pairs from an odd position");
    }

    private static void longs(Echo echo) {
        for (long bits : new long[] {0, 8, 16, 0x7ff, 0x3ffff, Integer.MAX_VALUE, 1L << 40, Long.MAX_VALUE}) {
            expect(bits, echo.number(bits), "echo");
            expect(-bits, echo.number(-bits), "echo");
        }
        expect(Long.MIN_VALUE, echo.number(Long.MIN_VALUE), "echo");
    }

    private static void nulls(Echo echo) {
        expect(echo.text(null) == null, "null text came back as something");
        expect(echo.profile(null) == null, "null profile came back as something");
    }

    private static void pojo(Echo echo) {
        Profile profile = profile();
        expect(profile, echo.profile(profile), "echo");
        expect(new Profile(), echo.profile(new Profile()), "echo of an empty profile");
    }

    private static void large(Echo echo) {
        StringBuilder text = new StringBuilder(MEBI);
        while (text.length() < MEBI) {
            text.append((char) ThreadLocalRandom.current().nextInt(' ', '~' + 1));
        }
        expect(text.toString(), echo.text(text.toString()), "echo of 1 MiB");
    }

    private static void generic(GenericService service) {
        Object text = service.$invoke("text", new String[] {String.class.getName()}, new Object[] {"generic"});
        expect("generic", text, "$invoke of text");

        Map<String, Object> profile = new HashMap<>();
        profile.put("class", Profile.class.getName());
        profile.put("name", "Ada");
        profile.put("age", 36);
        profile.put("addresses", list(genericAddress()));
        Object answer = service.$invoke("profile", new String[] {Profile.class.getName()}, new Object[] {profile});
        expect(answer instanceof Map, "$invoke of profile: got " + answer);
        Map<?, ?> got = (Map<?, ?>) answer;
        expect("Ada", got.get("name"), "name");
        expect(36, got.get("age"), "age");
        expect(got.get("nickname") == null, "nickname appeared");
        Map<?, ?> first = (Map<?, ?>) ((List<?>) got.get("addresses")).get(0);
        expect("Dorset Street", first.get("street"), "street");
    }

    private static Map<String, Object> genericAddress() {
        Map<String, Object> address = new HashMap<>();
        address.put("class", Address.class.getName());
        address.put("street", "Dorset Street");
        address.put("number", 1);
        return address;
    }

    /** The same values in Dubbo 3's other serialization; the wire must say that it is the other one. */
    private void fastjson2() throws Exception {
        Versions.requireDubbo3(address, "fastjson2");
        try (WireTap tap = new WireTap(address); Remote remote = new Remote(tap.address(), FASTJSON2)) {
            Echo echo = remote.refer(Echo.class);
            strings(echo);
            unicode(echo);
            longs(echo);
            nulls(echo);
            pojo(echo);
            large(echo);
            for (Frame frame : tap.frames(frame -> !frame.isEvent())) {
                expect(Versions.FASTJSON2, frame.serialization(), "serialization of " + frame);
            }
            expect(!tap.frames(Frame::isRequest).isEmpty(), "no request went through the tap");
        }
    }

    private static Profile profile() {
        byte[] photo = new byte[300];
        for (int i = 0; i < photo.length; i++) {
            photo[i] = (byte) i;
        }
        Map<String, List<String>> labels = new LinkedHashMap<>();
        labels.put("work", list("engine", "notes"));
        labels.put("none", list());
        Profile profile = new Profile();
        profile.setName("Ada \ud83d\ude80");
        profile.setAge(36);
        profile.setScore(98.6);
        profile.setActive(true);
        profile.setBorn(new Date(-4858012800123L));
        profile.setPhoto(photo);
        profile.setAddresses(list(new Address("Dorset Street", 1), new Address("St James's Square", 12)));
        profile.setLabels(labels);
        return profile;
    }

    /** A plain list: Dubbo 3 refuses the classes behind List.of when a Dubbo 2 peer sends them. */
    @SafeVarargs
    private static <T> List<T> list(T... elements) {
        return new ArrayList<>(List.of(elements));
    }
}
